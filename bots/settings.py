"""Settings from the environment and `.env`, prefix `DANGOL_`; each is described in docs/settings.md."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "DANGOL_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# Channels whose settings are named after a service that they stand on, and how those settings begin.
STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "sms": ("solapi",),
    "alimtalk": ("solapi",),
    "email": ("smtp", "imap", "mail"),
}


def setting(channel: str, key: str) -> str:
    """The field of `Settings` behind a key of `Settings.accounts`."""
    own = f"{channel}_{key}"
    return own if own in Settings.model_fields else key


class SettingsError(Exception):
    """One line a fault: the setting, what is wrong with its value, and an example of a right one."""


class Settings(BaseSettings):
    """What an operator may decide. Read once, in `load`; rooms below get values, never this object."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        "",
        description="Database: SQLite file or PostgreSQL. Empty: `dangol.db` in `DATA_DIR`.",
        examples=["postgres://dangol:password@127.0.0.1:5432/dangol"],
    )
    data_dir: Path = Field(
        Path("var"),
        description="Folder for the database, files, models and keys that no other setting places.",
        examples=["/srv/dangol"],
    )
    storage_url: str = Field(
        "",
        description="Folder for files of customers and staff. Empty: `files` in `DATA_DIR`.",
        examples=["file:///srv/dangol/files"],
    )
    host: str = Field("127.0.0.1", description="Address to listen on.", examples=["127.0.0.1"])
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on.", examples=["8080"])
    public_url: str = Field(
        "",
        description="Address that customers see, used in links. Empty: `http://HOST:PORT`.",
        examples=["https://help.example.com"],
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        [],
        description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed.",
        examples=["127.0.0.1,10.0.0.5"],
    )
    secret_key: str = Field(
        "",
        description="Signs links and wraps keys; at least 32 characters. Empty: made and kept in `DATA_DIR`.",
        examples=["k3J9…(openssl rand -base64 48)"],
    )
    locale: Literal["ko", "en"] = Field("ko", description="First language of pages and bot.", examples=["ko"])
    timezone: str = Field(
        "Asia/Seoul", description="Zone of business hours, dates and numbers.", examples=["Asia/Seoul"]
    )
    upload_max_mb: int = Field(
        20,
        ge=1,
        le=2000,
        description="Largest file a customer or staff member may send, in MB.",
        examples=["20"],
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="SQLite: FULL survives a power cut with every acknowledged message; "
        "NORMAL may lose the last moments.",
        examples=["FULL"],
    )
    chat_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Sites that may embed the web chat, comma-separated origins.",
        examples=["https://www.example.com,https://shop.example.com"],
    )
    chat_visitor_secret: str = Field(
        "",
        description="Verifies the signed visitor token (HS256) of an embedding site; at least 32 characters.",
        examples=["9fQ2…(openssl rand -base64 48)"],
    )
    telegram_token: str = Field(
        "",
        description="Token of the Telegram bot, from @BotFather. Empty: Telegram is off.",
        examples=["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"],
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org",
        description="Root of the Telegram Bot API server.",
        examples=["https://api.telegram.org"],
    )
    telegram_webhook_secret: str = Field(
        "",
        description="Present: Telegram calls our webhook, with this secret in each request. Absent: we poll.",
        examples=["wZ8v…(openssl rand -hex 32)"],
    )
    kakao_secret: str = Field(
        "",
        description="Last part of the address at which KakaoTalk's chatbot calls. Empty: KakaoTalk is off.",
        examples=["Jx2k…(openssl rand -hex 24)"],
    )
    kakao_callback_hosts: str = Field(
        ".kakao.com",
        description="Hosts to which a late answer may be sent, comma-separated; a leading dot takes in all "
        "below it. `HOST:PORT` also allows plain http there.",
        examples=[".kakao.com"],
    )
    mail_from: str = Field(
        "",
        description="Sender of our e-mails, with or without a name. Empty: e-mail is off.",
        examples=["새봄가전 <help@example.com>"],
    )
    smtp_url: str = Field(
        "",
        description="Server that takes our e-mails: `smtps://` (TLS, 465), `smtp://` or `starttls://` "
        "(STARTTLS, 587).",
        examples=["smtps://help%40example.com:password@smtp.example.com"],
    )
    imap_url: str = Field(
        "",
        description="Mailbox that is read: `imaps://` (TLS, 993), the folder as its path. "
        "Empty: e-mail is only sent.",
        examples=["imaps://help%40example.com:password@imap.example.com/INBOX"],
    )

    turn_url: str = Field(
        "",
        description="TURN server (coturn with use-auth-secret) for browsers that reach no UDP port of ours.",
        examples=["turn:turn.example.com:3478"],
    )
    turn_secret: str = Field(
        "",
        description="The static-auth-secret of the TURN server, from which passwords for an hour are made.",
        examples=["x7Pq…(openssl rand -hex 32)"],
    )
    media_url: str = Field(
        "",
        description="Address at which browsers reach media processes themselves. Empty: the front relays.",
        examples=["https://media.example.com"],
    )
    media_public_ip: str = Field(
        "",
        description="Address that browsers send voice and pictures to. Empty: this machine's own addresses.",
        examples=["203.0.113.7"],
    )
    media_ports: str = Field(
        "40000-40099",
        description="UDP ports for voice and pictures; each media process takes one.",
        examples=["40000-40099"],
    )
    media_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Media processes that `dangol serve` keeps. 0: two, or one on a single core.",
        examples=["4"],
    )
    stt_model: str = Field(
        "",
        description="Folder with a faster-whisper model for transcripts. Empty: no transcripts.",
        examples=["/srv/models/whisper-ko"],
    )
    solapi_key: str = Field(
        "", description="API key of SOLAPI, which sends SMS and AlimTalk.", examples=["NCSAYU7YDBXYORXC"]
    )
    solapi_secret: str = Field(
        "", description="API secret of SOLAPI.", examples=["9TQPLJ…(32 letters, shown once in the console)"]
    )
    solapi_sender: str = Field(
        "",
        description="Registered sender number. Empty: SMS is off.",
        examples=["1588-1234"],
    )
    solapi_url: str = Field(
        "https://api.solapi.com",
        description="Root of the SOLAPI server.",
        examples=["https://api.solapi.com"],
    )
    solapi_webhook_secret: str = Field(
        "",
        description="Secret of the SOLAPI web hooks; verifies `/reports/sms` and `/channels/sms`. "
        "Empty: no delivery reports and no inbound SMS are taken.",
        examples=["b41f…(openssl rand -hex 24)"],
    )
    alimtalk_profile: str = Field(
        "",
        description="Sender profile (pfId) of the KakaoTalk channel in SOLAPI. Empty: AlimTalk is off.",
        examples=["KA01PF230101000000000abcdefghijk"],
    )
    slack_bot_token: str = Field(
        "",
        description="Bot token of the Slack app, for staff. Empty: Slack is off.",
        examples=["xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy"],
    )
    slack_app_token: str = Field(
        "",
        description="App-level token (`connections:write`). Present: Socket Mode, no public address needed.",
        examples=["xapp-1-A0KRD7HC3-1759…"],
    )
    slack_signing_secret: str = Field(
        "",
        description="Present: Slack may call `/channels/slack`; it verifies that a request is Slack's.",
        examples=["8f742231b10e8888abcd99yyyzzz85a5"],
    )
    slack_client_id: str = Field(
        "",
        description="Client ID of the Slack app. Present: workspaces are connected by a button on the desk.",
        examples=["17653672481.198746"],
    )
    slack_client_secret: str = Field(
        "",
        description="Client secret that goes with `SLACK_CLIENT_ID`.",
        examples=["33fea0113f5b1c1…"],
    )
    slack_api_url: str = Field(
        "https://slack.com/api/",
        description="Root of Slack's Web API, ending in `/api/`.",
        examples=["https://slack.com/api/"],
    )

    _further: dict[str, dict[str, str]] = PrivateAttr(default_factory=dict)

    @field_validator("trusted_proxies", "chat_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("sqlite", "postgres", "postgresql", "asyncpg"):
            raise ValueError("must begin with sqlite:// or postgres://")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        if value and urlsplit(value).scheme != "file":
            raise ValueError("must begin with file://")
        return value

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("must be an http:// or https:// address with a host")
        return value.rstrip("/")

    @field_validator("chat_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
                raise ValueError(f"{origin!r} is not an origin (scheme and host, no path)")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no IP address or network") from None
        return value

    @field_validator("telegram_token")
    @classmethod
    def _telegram_token(cls, value: str) -> str:
        if value and not re.fullmatch(r"\d{3,20}:[A-Za-z0-9_-]{10,100}", value):
            raise ValueError("is not what @BotFather gives: digits, a colon, letters")
        return value

    @field_validator("solapi_sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        digits = value.replace("-", "")
        if value and not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 12):
            raise ValueError("is no sender number as it is dialled in Korea: digits and hyphens")
        return digits

    @field_validator("solapi_webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: str) -> str:
        if value and len(value) < 16:
            raise ValueError(f"has {len(value)} characters, needs at least 16")
        return value

    @field_validator("telegram_api_url", "solapi_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
            raise ValueError("must be an http:// or https:// address with a host")
        return value.rstrip("/")

    @field_validator("slack_api_url")
    @classmethod
    def _slack_address(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
            raise ValueError("must be an http:// or https:// address with a host")
        if not value.rstrip("/").endswith("/api"):
            raise ValueError("must end in /api/")
        return value.rstrip("/") + "/"

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _slack_token(cls, value: str, info: ValidationInfo) -> str:
        begins = "xoxb-" if info.field_name == "slack_bot_token" else "xapp-"
        if value and not value.startswith(begins):
            raise ValueError(f"must begin with {begins}")
        return value

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _telegram_secret(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", value):
            raise ValueError("needs 16 to 256 letters, digits, _ or -")
        return value

    @field_validator("turn_url")
    @classmethod
    def _turn(cls, value: str) -> str:
        if value and not re.fullmatch(r"turns?:[A-Za-z0-9.\-\[\]:]+(\?transport=(udp|tcp))?", value):
            raise ValueError(
                "must be turn:HOST:PORT or turns:HOST:PORT, with ?transport=udp or tcp if only one"
            )
        return value

    @field_validator("turn_secret")
    @classmethod
    def _turn_secret(cls, value: str) -> str:
        if value and len(value) < 16:
            raise ValueError(f"has {len(value)} characters, needs at least 16")
        return value

    @field_validator("media_url")
    @classmethod
    def _media_url(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("must be an http:// or https:// address with a host")
        return value.rstrip("/")

    @field_validator("media_public_ip")
    @classmethod
    def _media_ip(cls, value: str) -> str:
        if value:
            ipaddress.ip_address(value)
        return value

    @field_validator("media_ports")
    @classmethod
    def _media_ports(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if not (
            first.isdigit() and (last or first).isdigit() and 1 <= int(first) <= int(last or first) <= 65535
        ):
            raise ValueError("must be a port or a range of ports, FIRST-LAST")
        return value

    @field_validator("kakao_secret")
    @classmethod
    def _kakao_secret(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_-]{24,128}", value):
            raise ValueError("needs 24 to 128 letters, digits, _ or -")
        return value

    @field_validator("kakao_callback_hosts")
    @classmethod
    def _callback_hosts(cls, value: str) -> str:
        hosts = [host.strip().lower() for host in value.split(",") if host.strip()]
        for host in hosts:
            if not re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?", host):
                raise ValueError(f"{host!r} is not a host")
        return ",".join(hosts)

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str) -> str:
        address = parseaddr(value)[1]
        if value and not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", address):
            raise ValueError("must be one address, or a name and <address>")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str) -> str:
        return _server(value, ("smtps", "smtp", "starttls"))

    @field_validator("imap_url")
    @classmethod
    def _imap(cls, value: str) -> str:
        return _server(value, ("imaps", "imap"))

    @field_validator("secret_key", "chat_visitor_secret")
    @classmethod
    def _long(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError(f"has {len(value)} characters, needs at least 32")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a zone of the IANA database")
        return value

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def database(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite://{self.data_dir / 'dangol.db'}"

    @property
    def files_dir(self) -> Path:
        """The folder in force for stored files."""
        return Path(urlsplit(self.storage_url).path) if self.storage_url else self.data_dir / "files"

    @property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @property
    def wake_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def url(self) -> str:
        """The public address in force, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def udp_ports(self) -> range:
        """The ports of `MEDIA_PORTS`."""
        first, _, last = self.media_ports.partition("-")
        return range(int(first), int(last or first) + 1)

    @property
    def media_count(self) -> int:
        """How many media processes `dangol serve` keeps: the rooms of one that dies go to another at once."""
        return self.media_processes or min(2, os.cpu_count() or 1)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach us, directly and by the public address."""
        public = urlsplit(self.public_url).hostname if self.public_url else self.host
        return self.host in LOOPBACK and public in LOOPBACK

    def accounts(self, channel: str, key: str) -> dict[str, dict[str, str]]:
        """The accounts of a channel that are on, by name ("" is the first), each with its own settings.

        An account is on when its setting `key` is there. A further one (`TELEGRAM_TOKEN__SALES`) takes every
        other setting that it does not give itself from the first. Settings are named without the channel's
        own name (`token`); those of a service that it stands on with theirs (`solapi_key`, `STANDS_ON`).
        """
        prefix, families = f"{channel}_", (channel, *STANDS_ON.get(channel, ()))
        names = [name for name in type(self).model_fields if name.partition("_")[0] in families]
        first = {name.removeprefix(prefix): str(getattr(self, name)) for name in names}
        found = {"": first} if first[key] else {}
        for account, values in sorted(self._further.items()):
            own = {n.removeprefix(prefix): value for n, value in values.items() if n in names}
            if own.get(key):
                found[account] = {**first, **own}
        return found

    def secret(self) -> bytes:
        """The secret in force; made with mode 0600 in `DATA_DIR` when the setting is empty."""
        if self.secret_key:
            return self.secret_key.encode()
        path = self.data_dir / "secret.key"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return _read_secret(path)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        return path.read_bytes()


def _server(value: str, schemes: Sequence[str]) -> str:
    """An address of a mail server, which may hold a password: faults do not show it."""
    parts = urlsplit(value)
    if value and (parts.scheme not in schemes or not parts.hostname):
        raise ValueError(
            f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and have a host"
        )
    if value and parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise ValueError("imap:// is for this machine alone: a password needs imaps://")
    return value


def _read_secret(path: Path) -> bytes:
    secret = path.read_bytes().strip()
    if len(secret) < 32:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY: the file secret.key in DATA_DIR is damaged ({len(secret)} characters, "
            "needs at least 32). Restore it from a backup; a new one makes sealed data unreadable."
        )
    return secret


def load(**overrides: object) -> Settings:
    """Read the settings. Raises `SettingsError` that names each wrong setting, its fault and an example."""
    try:
        read = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(fault) for fault in error.errors())) from None
    _read_further(read)
    return read


def _read_further(read: Settings) -> None:
    """The settings of further accounts, each checked as the first one's is."""
    written = {name.upper(): value or "" for name, value in dotenv_values(".env").items()}
    for name, value in sorted({**written, **os.environ}.items()):
        setting, _, account = name.removeprefix(PREFIX).partition("__")
        field = setting.lower()
        if not name.startswith(PREFIX) or not account or field not in Settings.model_fields:
            continue
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", account):
            raise SettingsError(f"{name}: an account's name has up to 32 letters, digits, _ or -")
        try:
            checked = Settings(**{field: value})  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(fault, account) for fault in error.errors())) from None
        read._further.setdefault(account.lower(), {})[field] = str(getattr(checked, field))


def _explain(fault: Mapping[str, object], account: str = "") -> str:
    location = fault["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    field = Settings.model_fields.get(name)
    example = (field.examples or [""])[0] if field else ""
    said = str(fault["msg"]).removeprefix("Value error, ")
    sealed = ("database_url", "solapi_key", "smtp_url", "imap_url")
    hidden = "secret" in name or "token" in name or name in sealed
    shown = "" if hidden else f" (is {fault.get('input')!r})"
    full = f"{PREFIX}{name.upper()}" + (f"__{account}" if account else "")
    return f"{full}: {said}{shown}. Example: {full}={example}"


def unknown(environment: Mapping[str, str] | None = None) -> list[str]:
    """Names with our prefix that are no settings, for `dangol check`: most likely typing mistakes."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return sorted(
        n for n in (environment or os.environ) if n.startswith(PREFIX) and n.split("__")[0] not in known
    )
