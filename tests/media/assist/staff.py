"""Staff's side of remote control without a browser: a seat that sees the screen and sends input."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import av
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

CHANNELS = {"control": 1, "moves": 3}


class Staff:
    """`frames` are those of the socket, `said` those of the agent on the data channel, in order."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str = "staff") -> None:
        self._http, self._token = http, token
        self._url = f"{url.replace('http', 'ws', 1)}/call/{token}/socket"
        self._pc = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._channels: dict[str, Any] = {}
        self._watching: asyncio.Future[None] | None = None
        self.frames: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.pictures = 0
        self.on_picture: Callable[[av.VideoFrame], None] = lambda frame: None
        self.on_said: Callable[[Mapping[str, Any]], None] = lambda frame: None

    @property
    def ready(self) -> bool:
        """Whether data channels are open."""
        return bool(self._channels) and all(c.readyState == "open" for c in self._channels.values())

    def agent(self) -> str:
        """The participant of the desktop agent; "" while it is not here."""
        for frame in reversed(self.frames):
            people = [frame["participant"]] if frame["type"] == "joined" else frame.get("peers", ())
            for one in people:
                if isinstance(one, dict) and one["role"] == "agent":
                    return str(one["id"])
        return ""

    async def run(self) -> None:
        """Stay until cancelled."""
        try:
            async with self._http.ws_connect(self._url) as self._socket:
                await self.send({"type": "hello", "token": self._token, "browser": self._token, "version": 1})
                async for message in self._socket:
                    frame = json.loads(message.data)
                    self.frames.append(frame)
                    if frame["type"] == "offer":
                        await self._answer(frame)
        finally:
            if self._watching:
                self._watching.cancel()
            await self._pc.close()

    async def send(self, frame: Mapping[str, Any]) -> None:
        await self._socket.send_str(json.dumps(frame))

    async def ask(self, scope: str) -> None:
        """Ask the agent's owner."""
        await self.send({"type": "control", "whom": self.agent(), "state": "ask", "scope": scope})

    def tell(self, frame: Mapping[str, Any] | str, channel: str = "control") -> None:
        """Input for the agent."""
        text = frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False)
        self._channels[channel].send(text)

    async def _answer(self, frame: Mapping[str, Any]) -> None:
        await self._pc.setRemoteDescription(RTCSessionDescription(frame["sdp"], "offer"))
        for label, number in CHANNELS.items() if not self._channels else ():
            ordered = label == "control"
            repeats = None if ordered else 0
            channel = self._pc.createDataChannel(
                label, negotiated=True, id=number, ordered=ordered, maxRetransmits=repeats
            )
            channel.on("message", self._heard)
            self._channels[label] = channel
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        await self.send({"type": "answer", "n": frame["n"], "sdp": self._pc.localDescription.sdp})
        for transceiver in self._pc.getTransceivers():
            if transceiver.mid == "s0-screen" and self._watching is None:
                self._watching = asyncio.ensure_future(self._watch(transceiver.receiver.track))

    def _heard(self, text: str) -> None:
        said = json.loads(text)
        self.said.append(said)
        self.on_said(said)

    async def _watch(self, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.pictures += 1
                self.on_picture(frame)
