"""`dangol` as an operator uses it: an empty company, every command, faults in one line, no call home."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.browser.serving import ROOT, Served, environment, free_port, serving

pytestmark = pytest.mark.rasa
LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
PASSWORD = "correct horse battery"


@dataclass
class Watcher:
    """Whom the processes of a serve run talk to, sampled from /proc while they run."""

    served: Served
    remotes: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(0.05):
            with suppress(OSError, AssertionError):
                self.remotes |= remotes_of(self.served.pids().values())

    @property
    def abroad(self) -> set[str]:
        return {remote for remote in self.remotes if remote.partition(":")[0] not in LOOPBACK}


def remotes_of(pids: Iterable[int]) -> set[str]:
    """The far ends of these processes' connections, as /proc writes them."""
    mine = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                mine.add(os.readlink(handle).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in mine and not words[2].endswith(":0000"):
                found.add(words[2])
    return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """An empty company, watched from its start."""
    with serving(tmp_path_factory.mktemp("company"), wait=False) as running:
        watcher = Watcher(running)
        thread = threading.Thread(target=watcher.run, daemon=True)
        thread.start()
        running.ready()
        yield watcher
        watcher.over.set()
        thread.join()


@pytest.fixture
def company(watched: Watcher) -> Served:
    return watched.served


def dangol(data: Path, *arguments: str, said: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a data folder."""
    return subprocess.run(
        [sys.executable, "-m", "bots", *arguments],
        cwd=ROOT,
        env=environment(data, **settings),
        input=said,
        capture_output=True,
        text=True,
        timeout=180,
    )


def fails_well(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong."""
    assert done.returncode == 2, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("dangol: ")
    return lines[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "99999"), ("LOCALE", "fr"), ("DATABASE_URL", "mysql://h/d"), ("SECRET_KEY", "short")],
)
def test_a_wrong_setting_is_named_with_its_fault_and_an_example(
    tmp_path: Path, name: str, value: str
) -> None:
    line = fails_well(dangol(tmp_path, "staff", "list", **{name: value}))
    assert f"DANGOL_{name}: " in line
    assert f"Example: DANGOL_{name}=" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("staff", "disable", "nobody"),
        ("staff", "token", "nobody"),
        ("staff", "add", "mina", "--name", "Mina", "--role", "king", "--password", PASSWORD),
        ("staff", "add", "mina", "--name", "Mina", "--password", "short"),
        ("erase", "987654", "--yes"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_one_line_and_no_traceback(company: Served, arguments: tuple[str, ...]) -> None:
    fails_well(dangol(company.data, *arguments))


def test_a_database_that_is_not_there_or_not_prepared_is_one_line(tmp_path: Path) -> None:
    assert "dangol migrate" in fails_well(dangol(tmp_path, "staff", "list"))
    away = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    said = fails_well(dangol(tmp_path, "staff", "list", DATABASE_URL=away))
    assert "the database: " in said
    assert "DANGOL_DATABASE_URL" in said


async def test_an_empty_company_gets_its_first_colleague(company: Served) -> None:
    await greeted(company)
    assert "No staff yet? dangol staff add" in company.log.read_text()
    done = dangol(
        company.data, "staff", "add", "boss", "--name", "김사장", "--role", "admin", "--password", PASSWORD
    )
    assert (done.returncode, done.stdout) == (0, "Added boss (admin).\n"), done
    assert re.search(r"boss +admin +김사장", dangol(company.data, "staff", "list").stdout)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        assert await sign_in(browser, company.url, "boss", PASSWORD) == "/desk/conversations"
        assert await sign_in(browser, company.url, "seojun", company.password) == "/desk/login"
    assert dangol(company.data, "staff", "token", "boss").stdout.strip()
    assert "the last admin stays" in fails_well(dangol(company.data, "staff", "disable", "boss"))


async def greeted(company: Served) -> None:
    """Until serve has seen, as we have, that it is ready."""
    async with asyncio.timeout(60):
        while "Stop with Ctrl+C." not in company.log.read_text():  # noqa: ASYNC110 - a file tells no event
            await asyncio.sleep(0.1)


async def test_a_colleague_who_left_no_longer_gets_in(company: Served) -> None:
    added = dangol(company.data, "staff", "add", "mina", "--name", "Mina", "--password", PASSWORD)
    assert added.returncode == 0, added
    assert dangol(company.data, "staff", "disable", "mina").returncode == 0
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        assert await sign_in(browser, company.url, "mina", PASSWORD) == "/desk/login"


async def sign_in(browser: aiohttp.ClientSession, url: str, login: str, password: str) -> str:
    """The path at which a login ends."""
    async with browser.get(f"{url}/desk/login") as page:
        csrf = re.search(r'name="csrf" value="([^"]+)"', await page.text())
        if csrf is None:
            return page.url.path
    form = {"login": login, "password": password, "csrf": csrf[1]}
    async with browser.post(f"{url}/desk/login", data=form) as page:
        return page.url.path


async def test_demo_passwords_are_refused_where_others_can_reach_us(served: Served) -> None:
    with also_front(served, "--demo", PUBLIC_URL="https://help.example.com") as url:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            assert await sign_in(browser, url, "seojun", served.password) == "/desk/login"
            async with browser.get(f"{url}/") as page:
                assert served.password not in await page.text()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        assert await sign_in(browser, served.url, "seojun", served.password) == "/desk/conversations"


@contextmanager
def also_front(served: Served, *options: str, **settings: str) -> Iterator[str]:
    """A further front on the same data; its address."""
    port = free_port()
    command = [sys.executable, "-m", "bots", "front", "--port", str(port), *options]
    with served.log.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(served.data, **served.settings, **settings), stderr=log
        )
    try:
        further = Served(f"http://127.0.0.1:{port}", served.data, (), {}, process=process)
        further.ready()
        yield further.url
    finally:
        process.terminate()
        process.wait(20)


def test_check_and_doctor_say_that_all_is_well(company: Served) -> None:
    checked = dangol(company.data, "check", PORT=company.url.rpartition(":")[2])
    assert checked.returncode == 0, checked
    assert "ok  model: trained from the present data" in checked.stdout
    assert "!!" not in checked.stdout
    seen = dangol(company.data, "doctor")
    assert seen.returncode == 0, seen
    assert re.search(r"ok  worker \S+", seen.stdout)
    assert dangol(company.data, "migrate").returncode == 0


def test_doctor_says_what_is_wrong_where_nothing_runs(tmp_path: Path) -> None:
    made = dangol(tmp_path, "migrate")
    assert (made.returncode, made.stdout.splitlines()[0]) == (0, "applied 0001_initial")
    assert dangol(tmp_path, "migrate").stdout == "The tables are of this release.\n"
    seen = dangol(tmp_path, "doctor")
    assert seen.returncode == 1
    assert "!!  no live worker" in seen.stdout
    assert "!!  model: not trained yet" in dangol(tmp_path, "check").stdout


def test_understand_answers_texts_and_objects_in_order(company: Served) -> None:
    texts = ["세탁기에서 물이 새요 🙂", "주문번호 A1234 배송 언제 오나요?", "asdf qwer zxcv"]
    said = [texts[0], json.dumps({"text": texts[1]}), json.dumps({"text": texts[2], "audience": "staff"})]
    done = dangol(company.data, "understand", said="\n".join(said) + "\n")
    assert done.returncode == 0, done
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == texts
    for answer in answers:
        assert answer["band"] in ("act", "ask", "handover")
        for entity in answer["entities"]:
            assert answer["text"][entity["start"] : entity["end"]] == entity["value"]
    assert answers[0]["intent"] == "request_service"
    assert ("order_no", "A1234") in [(e["entity"], e["value"]) for e in answers[1]["entities"]]


@pytest.mark.full
def test_a_talk_in_the_terminal_can_be_erased_and_leaves_the_audit_whole(company: Served) -> None:
    talked = dangol(company.data, "talk", said="세탁기에서 물이 새요\n그만\n")
    assert talked.returncode == 0, talked
    assert "언제 방문하면 좋을까요?" in talked.stdout
    assert "저장된 것은 없어요" in talked.stdout
    assert dangol(company.data, "erase", "1", said="n\n").returncode == 1
    erased = dangol(company.data, "erase", "1", "--yes")
    assert (erased.returncode, erased.stdout) == (0, "Erased contact 1.\n"), erased
    verified = dangol(company.data, "audit", "verify")
    assert verified.returncode == 0
    assert "The audit chain is whole" in verified.stdout
    assert dangol(company.data, "version").stdout.strip()


async def test_nobody_but_this_machine_is_called(company: Served, watched: Watcher) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{company.url}/channels/web".replace("http", "ws")) as socket,
    ):
        await socket.send_json({"type": "hello", "locale": "ko"})
        for number in range(3):
            await socket.send_json({"type": "message", "id": f"m{number}", "text": "영업시간 알려 주세요"})
            await until_done(socket, f"m{number}")
    assert watched.remotes, "the watcher saw no connection at all"
    assert watched.abroad == set()


async def until_done(socket: aiohttp.ClientWebSocketResponse, number: str) -> None:
    async with asyncio.timeout(60):
        while True:
            frame = await socket.receive_json()
            if frame["type"] == "done" and frame["id"] == number:
                return


@pytest.mark.full
def test_an_idle_serve_leaves_the_machine_alone(company: Served) -> None:
    time.sleep(15)
    before, began = cpu_seconds(company), time.monotonic()
    time.sleep(60)
    used = cpu_seconds(company) - before
    share = used / (time.monotonic() - began)
    assert share < 0.05, f"{share:.1%} of a core"


def cpu_seconds(served: Served) -> float:
    """CPU time that the whole group has used so far."""
    ticks = 0
    for pid in served.pids().values():
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")
