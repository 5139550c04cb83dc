"""The agent's place in the room: the socket, which comes back by itself, and the peer connection behind
it."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from media.assist import encoder
from media.assist.joining import Ticket

PAUSES: Final = (0.3, 0.6, 1.2, 2.4, 5.0)  # seconds before the next try, as the call page keeps them
FINAL_CODES: Final = frozenset({1000, 4001, 4003, 4004})  # closing codes after which there is no coming back
CHANNELS: Final = {"control": 1, "moves": 3}  # label and id of the negotiated data channels
GIVE_UP_SECONDS: Final = 120.0

log = logging.getLogger(__name__)

Frame = Mapping[str, Any]


class Room:
    """Holds the seat until the session ends. `heard` takes frames, `data` texts of the data channels in
    order, `lost` says that the connection broke."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        ticket: Ticket,
        screen: Callable[[], MediaStreamTrack],
        *,
        heard: Callable[[Frame], None],
        data: Callable[[str], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        self._http, self._ticket, self._screen = http, ticket, screen
        self._heard, self._data, self._lost = heard, data, lost
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._peer: RTCPeerConnection | None = None
        self._channels: dict[str, Any] = {}
        self._ice: list[RTCIceServer] = []
        self._waiting: asyncio.Queue[str] = asyncio.Queue(1000)
        self._answering = asyncio.Lock()
        self._sending: set[asyncio.Future[None]] = set()
        self._offered = ""

    async def run(self) -> str:
        """Stay until it is over; return why: the `code` of an error, or the reason of the end."""
        reading = asyncio.ensure_future(self._read_data())
        try:
            return await self._stay()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self._close_peer()

    def send(self, frame: Frame) -> None:
        """A frame for the socket; dropped while it is broken."""
        socket = self._socket
        if socket is not None and not socket.closed:
            task = asyncio.ensure_future(self._send(socket, frame))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def send_data(self, frame: Frame) -> None:
        """A frame for whoever controls us; dropped while nobody does."""
        channel = self._channels.get("control")
        if channel is not None and channel.readyState == "open":
            channel.send(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    async def leave(self) -> None:
        """Go in order."""
        if self._socket is not None and not self._socket.closed:
            await self._send(self._socket, {"type": "leave"})
            await self._socket.close()

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, frame: Frame) -> None:
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            await socket.send_str(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    async def _stay(self) -> str:
        loop = asyncio.get_running_loop()
        tries, alive = 0, loop.time()
        while True:
            why, welcomed = await self._once()
            if why:
                return why
            if welcomed:
                tries, alive = 0, loop.time()
            self._lost()
            if loop.time() - alive > GIVE_UP_SECONDS:
                return "network"
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1

    async def _once(self) -> tuple[str, bool]:
        """One connection of the socket: why it is all over ("" when it only broke), and whether we were
        seated."""
        seated, said = False, ""
        try:
            async with self._http.ws_connect(
                self._ticket.socket, heartbeat=15.0, max_msg_size=1 << 20
            ) as socket:
                self._socket = socket
                hello = {"token": self._ticket.token, "browser": self._ticket.browser, "version": 1}
                await self._send(socket, {"type": "hello", **hello})
                async for message in socket:
                    frame = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else {}
                    seated = seated or frame.get("type") == "welcome"
                    if frame.get("type") == "end":
                        return str(frame.get("reason") or "ended"), seated
                    if frame.get("type") == "error":
                        said = str(frame.get("code"))
                    await self._frame(frame)
                return (said or "ended") if socket.close_code in FINAL_CODES else "", seated
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as fault:
            log.info("socket broke: %s", type(fault).__name__)
            return "", seated
        finally:
            self._socket = None

    async def _frame(self, frame: Frame) -> None:
        match frame.get("type"):
            case "welcome":
                self._ice = [_server(one) for one in frame.get("ice", ())]
                self._heard(frame)
            case "offer":
                async with self._answering:
                    await self._answer(frame)
            case str():
                self._heard(frame)

    # --- the peer connection: the server offers, we answer

    async def _answer(self, frame: Frame) -> None:
        offer = str(frame["sdp"])
        if self._peer is None or _identity(offer) != self._offered or self._peer.connectionState in _OVER:
            await self._new_peer(_identity(offer))
        peer = self._peer
        assert peer is not None
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        if not self._channels:
            self._open_channels(peer)
        for transceiver in peer.getTransceivers():
            if transceiver.mid == "screen" and transceiver.sender.track is None:
                transceiver.direction = "sendonly"
                transceiver.sender.replaceTrack(self._screen())
                encoder.install(transceiver.sender)
        await peer.setLocalDescription(await peer.createAnswer())
        answer = {"type": "answer", "n": frame.get("n"), "sdp": peer.localDescription.sdp}
        if self._socket is not None:
            await self._send(self._socket, answer)
            await self._send(self._socket, {"type": "media", "audio": False, "camera": False, "screen": True})
            self._heard({"type": "answered"})

    async def _new_peer(self, identity: str) -> None:
        await self._close_peer()
        # Balanced bundling leaves the second picture of a kind on a transport that is thrown away (aiortc
        # 1.16).
        peer = self._peer = RTCPeerConnection(
            RTCConfiguration(iceServers=self._ice, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._offered = identity

        @peer.on("connectionstatechange")
        def changed() -> None:
            if peer is self._peer and peer.connectionState in _OVER:
                self._lost()

    def _open_channels(self, peer: RTCPeerConnection) -> None:
        """The negotiated channels. Made after the offer was read: made before, aiortc counts their transport
        as one of its own and, bundling, stops the one that everything shares."""
        for label, number in CHANNELS.items():
            repeats = None if label == "control" else 0
            channel = peer.createDataChannel(
                label, negotiated=True, id=number, ordered=label == "control", maxRetransmits=repeats
            )
            channel.on("message", self._put)
            channel.on("close", lambda: self._channel_closed(peer))
            self._channels[label] = channel

    def _channel_closed(self, peer: RTCPeerConnection) -> None:
        if peer is self._peer:
            self._lost()

    async def _close_peer(self) -> None:
        peer, self._peer, self._channels = self._peer, None, {}
        if peer is not None:
            with contextlib.suppress(Exception):
                await peer.close()

    def _put(self, text: object) -> None:
        """Keep the order of what arrives; a flood is dropped, not stored."""
        if isinstance(text, str):
            with contextlib.suppress(asyncio.QueueFull):
                self._waiting.put_nowait(text)

    async def _read_data(self) -> None:
        while True:
            text = await self._waiting.get()
            try:
                await self._data(text)
            except Exception as fault:  # one frame, whatever it does, must not end the hearing of the next
                log.warning("input failed: %s", type(fault).__name__)


_OVER: Final = ("failed", "closed")


def _server(said: Mapping[str, Any]) -> RTCIceServer:
    return RTCIceServer(said["urls"], said.get("username"), said.get("credential"))


def _identity(sdp: str) -> str:
    """What makes a server's transport: another fingerprint or ICE name means another process."""
    wanted = ("a=fingerprint:", "a=ice-ufrag:")
    return "|".join(sorted({line.strip() for line in sdp.splitlines() if line.startswith(wanted)}))
