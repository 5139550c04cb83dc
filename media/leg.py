"""A leg: the media connection of one participant in a room with forwarding."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from media import rtcp, sdp
from media.aiortc_adapter import MAX_PACKET_BYTES, SCTP_PORT, Path, Secure
from media.forwarding import Outlet, Source
from media.ports import TrackKind
from media.udp import Line, UdpPort

log = structlog.get_logger()

CONNECT_SECONDS: Final = 20.0  # for connectivity and handshake together
SILENT_SECONDS: Final = 15.0  # without a signed check (browsers make one every 2 to 5 s) the leg is gone


class Leg:
    """Sources that a participant sends, outlets by which they hear the others."""

    def __init__(
        self, port: UdpPort, *, failed: Callable[[], None], heard: Callable[[int, str | bytes], None]
    ) -> None:
        """`failed` is called once when the connection is over; `heard` with each data channel message."""
        self._port, self._failed, self._heard = port, failed, heard
        self._loop = asyncio.get_running_loop()
        self.ssrc = random.randrange(1, 1 << 32)
        self.sources: dict[TrackKind, Source] = {kind: Source(kind, self) for kind in sdp.KINDS}
        self._by_payload = {sdp.PAYLOAD_TYPES[kind]: source for kind, source in self.sources.items()}
        self.slots: list[sdp.Slot] = []
        self.outlets: list[dict[TrackKind, Outlet]] = []
        self._by_ssrc: dict[int, Outlet] = {}
        self.version = 0
        self.ready = asyncio.Event()
        self.closed = False
        self._limits: dict[int, int] = {}  # bits/s by listener
        self.bandwidth = 0  # bits/s that this participant can take, by their own estimate
        self._line = Line(self._datagram)
        self._path = Path(self._line.send)
        self.secure = Secure(self._path, self._over)
        self._session = random.randrange(1, 1 << 53)
        self._connecting: asyncio.Task[None] | None = None
        port.add(self._line)

    # -- negotiation

    def offer(self, slots: int) -> str:
        """The next offer, with at least so many slots."""
        while len(self.slots) < slots:
            self._add_slot()
        self.version += 1
        own = sdp.Credentials(
            self._line.username,
            self._line.password,
            self.secure.fingerprint,
            self._port.candidates,
            SCTP_PORT,
        )
        return sdp.offer(self._session, self.version, own, self.slots)

    def answer(self, text: str) -> None:
        """Take the page's answer; the first one starts the connection. Raises `ValueError`."""
        read = sdp.answer(text)
        if self._connecting is None and not self.closed:
            self._connecting = asyncio.create_task(self._connect(read), name="media leg")

    def _add_slot(self) -> None:
        ssrcs = {kind: random.randrange(1, 1 << 32) for kind in sdp.KINDS}
        self.slots.append(sdp.Slot(len(self.slots), ssrcs))
        outlets = {kind: Outlet(kind, self, ssrc) for kind, ssrc in ssrcs.items()}
        self.outlets.append(outlets)
        self._by_ssrc.update({outlet.ssrc: outlet for outlet in outlets.values()})

    async def _connect(self, answer: sdp.Answer) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._line.connected.wait()
                await self.secure.connect(list(answer.fingerprints))
                await self.secure.open_channels(answer.sctp_port, self._heard)
        except (TimeoutError, ConnectionError) as fault:
            log.info("media.leg_failed", fault=type(fault).__name__)
            self._over()
            return
        self.ready.set()
        for source in self._listened():
            source.want_keyframe(self._loop.time())

    def _listened(self) -> Sequence[Source]:
        return [o.source for o in self._by_ssrc.values() if o.source is not None]

    # -- packets

    def send_rtp(self, packet: bytes, sequence: int, time: int, ssrc: int) -> None:
        tx = self.secure.tx
        size = len(packet)
        if tx is None or size > MAX_PACKET_BYTES:
            return
        buffer = tx.buffer
        buffer[:size] = packet
        buffer[2:12] = b"%b%b%b" % (
            sequence.to_bytes(2, "big"),
            time.to_bytes(4, "big"),
            ssrc.to_bytes(4, "big"),
        )
        sealed = tx.protect_buffer(size)
        if sealed is not None:
            self._line.send(sealed)

    def send_rtcp(self, packet: bytes) -> None:
        tx = self.secure.tx
        sealed = tx.protect_rtcp(packet) if tx is not None else None
        if sealed is not None:
            self._line.send(sealed)

    def _datagram(self, datagram: bytes) -> None:
        first = datagram[0]
        if first > 127:  # RFC 7983: RTP and RTCP
            rx = self.secure.rx
            if rx is None or first > 191 or len(datagram) < 12:
                return
            if rtcp.is_rtcp(datagram):
                plain = rx.unprotect_rtcp(datagram)
                if plain is not None:
                    self._reported(plain)
                return
            plain = rx.unprotect(datagram)
            if plain is None or len(plain) < 12:
                return
            source = self._by_payload.get(plain[1] & 0x7F)
            if source is not None:
                source.arrived(plain, self._loop.time())
        elif 20 <= first <= 63:
            self._path.arrived(datagram)

    def _reported(self, plain: bytes) -> None:
        now = self._loop.time()
        for said in rtcp.read(plain):
            if isinstance(said, rtcp.SenderReport):
                for source in self.sources.values():
                    if source.ssrc == said.ssrc:
                        for outlet in source.outlets:
                            outlet.sender_report(said)
            elif isinstance(said, rtcp.Bandwidth):
                self.bandwidth = said.bits
                self._share_bandwidth()
            else:
                about = self._by_ssrc.get(said.ssrc)
                if about is not None:
                    about.feedback(said, now)

    def _share_bandwidth(self) -> None:
        """Tell each speaker what this listener can take, as an equal part for each speaker."""
        speakers: dict[int, Leg] = {}
        for outlet in self._by_ssrc.values():
            wire = outlet.source.wire if outlet.source is not None else None
            if outlet.kind != "audio" and isinstance(wire, Leg) and outlet.source and outlet.source.ssrc:
                speakers[id(wire)] = wire
        for speaker in speakers.values():
            speaker.limit(self.bandwidth // len(speakers), self)

    def limit(self, bits: int, listener: Leg) -> None:
        """Pass on what a listener can take; of several the slowest decides."""
        self._limits[id(listener)] = bits
        heard = {
            id(outlet.wire) for source in self.sources.values() for outlet in source.outlets if outlet.open
        }
        self._limits = {key: value for key, value in self._limits.items() if key in heard}
        ssrcs = [source.ssrc for source in self.sources.values() if source.ssrc and source.kind != "audio"]
        if self._limits and ssrcs:
            self.send_rtcp(rtcp.bandwidth(self.ssrc, min(self._limits.values()), ssrcs))

    # -- life

    def tick(self, now: float) -> None:
        """Call a few times a second: overdue requests, and whether the other side is still there."""
        for source in self.sources.values():
            source.tick(now)
        if self.ready.is_set() and now - self._line.heard_at > SILENT_SECONDS:
            self._over()

    def stats(self) -> Mapping[str, int]:
        sources = self.sources.values()
        return {
            "packets": sum(s.packets for s in sources),
            "octets": sum(s.octets for s in sources),
            "lost": sum(s.lost for s in sources),
            "repaired": sum(s.repaired for s in sources),
            "dropped": self._line.dropped,
            "moves": self._line.moves,
        }

    def _over(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.call_soon(self._failed)

    async def close(self) -> None:
        """Let go of everything; others stop hearing this leg at once."""
        self.closed = True
        self._port.remove(self._line)
        now = self._loop.time()
        for source in self.sources.values():
            for outlet in list(source.outlets):
                outlet.bind(None, now)
            source.tap = None
        for outlet in self._by_ssrc.values():
            outlet.bind(None, now)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self.secure.close()
