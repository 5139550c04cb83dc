"""Channels without an account: in a checkout, `dangol serve --demo` starts the stand-ins of the tests beside
itself and sets their channels for its own processes. One entry a stand-in; nothing here imports them.
"""

import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from bots.demo.world import TELEGRAM_FIRST
from bots.settings import PREFIX, Settings
from bots.supervisor import Child

TELEGRAM: Final = "1001:demo-bot_of-the-demo-company"
# The stand-in forgets at each start who wrote to the bot before; the demo's customers and phones did.
TELEGRAM_REGULARS: Final = f"100000000-{TELEGRAM_FIRST + 999}"
SMS_SENDER: Final = "15881234"
# Who of the demo company is in its Slack, and the channels there; the first is shown customers.
SLACK_PEOPLE: Final = (("seojun", "이서준"), ("yuna", "한유나"), ("jihun", "배지훈"), ("taeho", "강태호"))
SLACK_CHANNELS: Final = ("C0CARE,상담팀,private", "C0LOBBY,전체,public")
SLACK_CLIENT: Final = "1001.2002"
ALIMTALK: Final = "KA01PF000000000000000dangoldemo"
MAILBOX: Final = "help@saebom.example"


@dataclass(frozen=True)
class World:
    """What stand-ins may know of one another. `front` is Dangol's own address."""

    front: str
    urls: Mapping[str, str]
    _secrets: dict[str, str] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """The address of a stand-in; '' of one that is not started."""
        return self.urls.get(name, "")

    def port(self, name: str) -> int:
        """A free port beside a stand-in's own, the same for this start."""
        if name not in self._ports:
            self._ports[name] = _free_ports(1)[0]
        return self._ports[name]

    def secret(self, name: str) -> str:
        """A random word of 32 characters, the same for this start."""
        return self._secrets.setdefault(name, secrets.token_hex(16))


@dataclass(frozen=True)
class Standin:
    """One provider played by a process of its own.

    `settings` (without prefix) switch its channel on; where the operator has set the first of them, that
    account stays and the stand-in is not started. `side`: `customer` among the phones, `staff` beside the
    desk. `page` is what its tab shows.
    """

    name: str
    module: str
    side: str
    page: str
    settings: Callable[[World], Mapping[str, str]]
    arguments: Callable[[World], Sequence[str]] = lambda _world: ()


@dataclass(frozen=True)
class Window:
    """A tab of the demo page that shows a stand-in."""

    name: str
    side: str
    url: str

    @classmethod
    def read(cls, given: str) -> "Window":
        """From `side:name=address`, as a front is told it."""
        where, _, url = given.partition("=")
        side, _, name = where.partition(":")
        return cls(name, side, url)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def __str__(self) -> str:
        return f"{self.side}:{self.name}={self.url}"


STANDINS: Final[Sequence[Standin]] = (
    Standin(
        name="kakao",
        module="tests.standins.kakao_platform",
        side="customer",
        page="/phone",
        arguments=lambda w: ["--skill", f"{w.front}/channels/kakao/{w.secret('kakao')}"],
        settings=lambda w: {
            "KAKAO_SECRET": w.secret("kakao"),
            "KAKAO_CALLBACK_HOSTS": urlsplit(w.url("kakao")).netloc,
        },
    ),
    Standin(
        name="telegram",
        module="tests.standins.telegram_api",
        side="customer",
        page="/phone",
        arguments=lambda _: ["--token", TELEGRAM, "--regulars", TELEGRAM_REGULARS],
        settings=lambda w: {"TELEGRAM_TOKEN": TELEGRAM, "TELEGRAM_API_URL": w.url("telegram"),
                            "TELEGRAM_LINK_URL": w.url("telegram")},
    ),
    Standin(
        name="sms",
        module="tests.standins.solapi_api",
        side="customer",
        page="/inbox",
        arguments=lambda w: [
            "--key", "NCSDEMO", "--api-secret", w.secret("solapi"), "--sender", SMS_SENDER,
            "--profile", ALIMTALK, "--front", w.front, "--secret", w.secret("reports"),
            "--kakao", w.url("kakao"),
        ],
        settings=lambda w: {
            "SOLAPI_SENDER": SMS_SENDER,
            "SOLAPI_KEY": "NCSDEMO",
            "SOLAPI_SECRET": w.secret("solapi"),
            "SOLAPI_URL": w.url("sms"),
            "SOLAPI_WEBHOOK_SECRET": w.secret("reports"),
            "ALIMTALK_PROFILE": ALIMTALK,
        },
    ),
    Standin(
        name="email",
        module="tests.standins.mail_server",
        side="customer",
        page="/",
        arguments=lambda w: [
            "--login", f"{MAILBOX}:{w.secret('mail')}", "--plain",
            "--smtp-port", str(w.port("smtp")), "--imap-port", str(w.port("imap")),
        ],
        settings=lambda w: {
            "MAIL_FROM": f"새봄가전 <{MAILBOX}>",
            "SMTP_URL": f"smtp://{quote(MAILBOX)}:{w.secret('mail')}@127.0.0.1:{w.port('smtp')}",
            "IMAP_URL": f"imap://{quote(MAILBOX)}:{w.secret('mail')}@127.0.0.1:{w.port('imap')}",
        },
    ),
    Standin(
        name="slack",
        module="tests.standins.slack_api",
        side="staff",
        page="/window",
        arguments=lambda w: [
            "--bot-token", f"xoxb-{w.secret('slack bot')}", "--app-token", f"xapp-{w.secret('slack app')}",
            "--client-id", SLACK_CLIENT, "--client-secret", w.secret("slack client"),
            "--redirect", f"{w.front}/slack/oauth_redirect",
            *(word for login, name in SLACK_PEOPLE
              for word in ("--user", f"U0{login.upper()},{name},{login}@saebom.example")),
            *(word for line in SLACK_CHANNELS for word in ("--channel", line)),
        ],
        settings=lambda w: {
            "SLACK_BOT_TOKEN": f"xoxb-{w.secret('slack bot')}",
            "SLACK_APP_TOKEN": f"xapp-{w.secret('slack app')}",
            "SLACK_CLIENT_ID": SLACK_CLIENT,
            "SLACK_CLIENT_SECRET": w.secret("slack client"),
            "SLACK_API_URL": f"{w.url('slack')}/api/",
        },
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a demo starts besides its own processes, and what those are told."""

    children: Sequence[Child] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    windows: Sequence[Window] = ()


def plan(settings: Settings, root: Path, standins: Sequence[Standin] = STANDINS) -> Plan:
    """The stand-ins of this demo. None where others can reach us, or without the folder of the tests."""
    if not settings.loopback:
        return Plan()
    blank = World("", {})
    wanted = [one for one in standins if _is_there(one, root) and not _is_set(settings, one.settings(blank))]
    ports = _free_ports(len(wanted))
    urls = {one.name: f"http://127.0.0.1:{port}" for one, port in zip(wanted, ports, strict=True)}
    world = World(f"http://127.0.0.1:{settings.port}", urls)
    environment: dict[str, str] = {"PYTHONPATH": _path(root)}
    for one in wanted:
        environment |= {PREFIX + name: value for name, value in one.settings(world).items()}
    return Plan(
        [_child(one, world, port) for one, port in zip(wanted, ports, strict=True)],
        environment,
        [Window(one.name, one.side, urls[one.name] + one.page) for one in wanted],
    )


def _child(one: Standin, world: World, port: int) -> Child:
    return Child(one.name, ["--port", str(port), *one.arguments(world)], module=one.module, quiet=True)


def _is_there(one: Standin, root: Path) -> bool:
    return (root / Path(*one.module.split("."))).with_suffix(".py").exists()


def _is_set(settings: Settings, wanted: Mapping[str, str]) -> bool:
    return bool(getattr(settings, next(iter(wanted)).lower()))


def _path(root: Path) -> str:
    """Where Python finds the tests, whatever folder we were started in."""
    return os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; held together, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
