"""The servers that the benchmark `calls` compares: ours, Janus, and aiortc's own relay."""

import asyncio
import contextlib
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

from benchmarks.calls_client import Participant, remote
from tests.browser.serving import free_port
from tests.media.house import House, process, seat

ROOT = Path(__file__).parents[1]


def _started(command: Sequence[str], log: Any = None) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=ROOT, stdout=log or subprocess.PIPE, stderr=log, text=True)


class Ours:
    """`dangol media` with the rest of the house in memory, in a process of its own."""

    name = "dangol media"

    def __init__(self, record: bool) -> None:
        self.record = record

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.calls_sides", "ours"]
        with _started(command) as server:
            assert server.stdout
            self.url = server.stdout.readline().strip()
            try:
                yield server.pid
            finally:
                server.terminate()

    async def call(self, number: int, pair: Sequence[Participant], http: aiohttp.ClientSession) -> list[Any]:
        sockets = [await self._join(number, side, one, http) for side, one in zip("cs", pair, strict=True)]
        if self.record:
            for ws, state in zip(reversed(sockets), ("ask", "agree"), strict=True):
                await ws.send_json({"type": "recording", "state": state})
        return sockets

    async def _join(
        self, number: int, side: str, one: Participant, http: aiohttp.ClientSession
    ) -> aiohttp.ClientWebSocketResponse:
        ws = await http.ws_connect(f"{self.url}/call/socket")
        await ws.send_json({"type": "hello", "token": f"{number}-{side}", "browser": ""})
        while (frame := await ws.receive_json())["type"] != "offer":
            pass
        await ws.send_json({"type": "answer", "n": frame["n"], "sdp": _answer(frame["sdp"], one)})
        await one.connect(remote(frame["sdp"]))
        await ws.send_json({"type": "media", "audio": True, "camera": True})
        return ws


def _answer(offer: str, one: Participant) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    for line in offer.splitlines():
        if line.startswith(("m=", "a=mid:", "a=rtcp-mux", "a=rtpmap", "a=sctp-port")):
            lines.append(line)
            if line.startswith("m="):
                lines += [*one.transport_lines(), "a=setup:active", "a=sendonly"]
    return "\r\n".join(lines) + "\r\n"


class Janus:
    """Debian's Janus with its plug-in for calls of two, over its WebSocket transport."""

    name = "janus"

    def __init__(self, record: bool) -> None:
        self.record = record

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        if shutil.which("janus") is None:
            raise SystemExit("needs Janus: apt-get install janus")
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="dangol-janus-") as folder:
            self.folder = Path(folder)
            _configure_janus(self.folder, port)
            self.url = f"ws://127.0.0.1:{port}"
            with (self.folder / "log").open("wb") as log:
                server = _started(["janus", "-F", folder], log=log)
            try:
                await _until_open(port)
                yield server.pid
            finally:
                server.terminate()
                server.wait()

    async def call(self, number: int, pair: Sequence[Participant], http: aiohttp.ClientSession) -> list[Any]:
        caller, callee = [JanusHandle(http, self.url), JanusHandle(http, self.url)]
        names = [f"{number}-{side}-{secrets.token_hex(3)}" for side in "ab"]
        for handle, name in zip((caller, callee), names, strict=True):
            await handle.open()
            await handle.ask({"request": "register", "username": name}, "registered")
        await caller.tell({"request": "call", "username": names[1]}, "offer", _offer(pair[0]))
        incoming = await callee.event("incomingcall")
        await callee.tell({"request": "accept"}, "answer", _offer(pair[1]))
        accepted = await caller.event("accepted")
        await asyncio.gather(
            pair[0].connect(remote(accepted["jsep"]["sdp"])),
            pair[1].connect(remote(incoming["jsep"]["sdp"]), controlling=False),
        )
        if self.record:
            for handle, name in zip((caller, callee), names, strict=True):
                await handle.tell({"request": "set", "record": True, "filename": str(self.folder / name)})
        return [caller, callee]


def _configure_janus(folder: Path, port: int) -> None:
    home = "/usr/lib/x86_64-linux-gnu/janus"
    (folder / "janus.jcfg").write_text(
        f'general: {{ configs_folder = "{folder}" plugins_folder = "{home}/plugins"'
        f' transports_folder = "{home}/transports" debug_level = 2 }}\n'
        'media: { rtp_port_range = "50000-50999" }\n'
        f'plugins: {{ disable = "{_others(home + "/plugins", "videocall")}" }}\n'
        f'transports: {{ disable = "{_others(home + "/transports", "websockets")}" }}\n'
    )
    (folder / "janus.transport.websockets.jcfg").write_text(
        f'general: {{ ws = true ws_port = {port} ws_ip = "127.0.0.1" json = "compact" }}\n'
    )


def _others(folder: str, wanted: str) -> str:
    """The modules of Janus that are not needed."""
    return ",".join(path.name for path in sorted(Path(folder).glob("*.so")) if wanted not in path.name)


def _offer(one: Participant) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    for mid, medium, payload, codec, kind in (
        ("0", "audio", 111, "opus/48000/2", "audio"), ("1", "video", 96, "VP8/90000", "video"),
    ):  # fmt: skip
        lines += [f"m={medium} 9 UDP/TLS/RTP/SAVPF {payload}", "c=IN IP4 0.0.0.0", *one.transport_lines()]
        lines += [
            "a=setup:active",
            f"a=mid:{mid}",
            "a=sendrecv",
            "a=rtcp-mux",
            f"a=rtpmap:{payload} {codec}",
        ]
        if medium == "video":
            lines += [f"a=rtcp-fb:{payload} nack", f"a=rtcp-fb:{payload} nack pli"]
        lines += [f"a=ssrc:{one.ssrcs[kind]} cname:x"]
    return "\r\n".join(lines) + "\r\n"


async def _until_open(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("Janus did not start")


class JanusHandle:
    """A session of Janus with the plug-in attached."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def open(self) -> None:
        self._ws = await self._http.ws_connect(self._url, protocols=["janus-protocol"])
        self._session = (await self._request({"janus": "create"}))["data"]["id"]
        attached = await self._request({"janus": "attach", "plugin": "janus.plugin.videocall"})
        self._handle = attached["data"]["id"]

    async def ask(self, body: dict[str, Any], event: str) -> dict[str, Any]:
        await self.tell(body)
        return await self.event(event)

    async def tell(self, body: dict[str, Any], kind: str = "", sdp: str = "") -> None:
        message: dict[str, Any] = {"janus": "message", "body": body, "handle_id": self._handle}
        if sdp:
            message["jsep"] = {"type": kind, "sdp": sdp, "trickle": False}
        await self._put(message)

    async def event(self, name: str) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                said = json.loads((await self._ws.receive()).data)
                data = said.get("plugindata", {}).get("data", {})
                if "error" in data or said.get("janus") == "error":
                    raise SystemExit(f"Janus says {said}")
                if data.get("result", {}).get("event") == name:
                    return dict(said)

    async def close(self) -> None:
        await self._ws.close()

    async def _request(self, message: dict[str, Any]) -> dict[str, Any]:
        transaction = await self._put(message)
        while True:
            said = json.loads((await self._ws.receive()).data)
            if said.get("transaction") == transaction and said["janus"] != "ack":
                return dict(said)

    async def _put(self, message: dict[str, Any]) -> str:
        transaction = secrets.token_hex(6)
        session = {"session_id": self._session} if hasattr(self, "_session") else {}
        await self._ws.send_json({**message, **session, "transaction": transaction})
        return transaction


class AiortcRelay:
    """aiortc's MediaRelay: what the library offers for passing media on; it decodes and encodes."""

    name = "aiortc MediaRelay"
    record = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.calls_sides", "relay"]
        with _started(command) as server:
            assert server.stdout
            self.url = server.stdout.readline().strip()
            try:
                yield server.pid
            finally:
                server.terminate()

    async def call(self, number: int, pair: Sequence[Participant], http: aiohttp.ClientSession) -> list[Any]:
        for one in pair:
            async with http.post(f"{self.url}/{number}", data=_offer(one)) as answer:
                await one.connect(remote(await answer.text()))
        return []


async def _serve_ours() -> None:
    with tempfile.TemporaryDirectory(prefix="dangol-calls-") as folder:
        house = House(Path(folder))
        for number in range(200):
            for side, role in (("c", "customer"), ("s", "staff")):
                house.seats[f"{number}-{side}"] = seat(f"r{number}", side, role)
        async with process(house, full_load=2.0) as made:
            print(made.address, flush=True)
            await asyncio.Event().wait()


async def _serve_relay() -> None:
    waiting: dict[str, RTCPeerConnection] = {}
    relay = MediaRelay()

    async def offered(request: web.Request) -> web.Response:
        pc, room = RTCPeerConnection(), request.match_info["room"]
        await pc.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        for transceiver in pc.getTransceivers():
            transceiver.direction = "sendrecv"
        await pc.setLocalDescription(await pc.createAnswer())
        other = waiting.pop(room, None)
        if other is None:
            waiting[room] = pc
        else:
            for a, b in zip(pc.getTransceivers(), other.getTransceivers(), strict=True):
                a.sender.replaceTrack(relay.subscribe(b.receiver.track))
                b.sender.replaceTrack(relay.subscribe(a.receiver.track))
        return web.Response(text=pc.localDescription.sdp)

    app = web.Application()
    app.router.add_post("/{room}", offered)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve_ours() if sys.argv[1] == "ours" else _serve_relay())
