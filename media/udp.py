"""The UDP port of a media process: one socket an address, shared by every leg, and ICE lite upon it.

The legs are told apart by the address a datagram comes from. An address is learnt, and changed, only by a
connectivity check that is signed with the leg's password (RFC 8445 section 7.3, RFC 7675): that is how a
phone which changes its network keeps its call.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import ifaddr
import structlog

from media import aiortc_adapter as adapter

log = structlog.get_logger()

BATCH: Final = 64  # datagrams read in one go before others get their turn
SOCKET_BYTES: Final = 4 * 1024 * 1024  # of the kernel's buffers; it may give less
Address = tuple[str, int]


def local_addresses(*, loopback: bool) -> list[str]:
    """This machine's own addresses, IPv4 first; loopback only when asked. Link-local ones are left out."""
    found: list[str] = ["127.0.0.1"] if loopback else []
    for card in ifaddr.get_adapters():
        for ip in card.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text.partition("%")[0])
            if not (address.is_loopback or address.is_link_local):
                found.append(str(address))
    return sorted(dict.fromkeys(found), key=lambda text: ":" in text)


class Line:
    """The ICE side of one leg: its credentials, where the other side is now, what to do with datagrams."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self.username = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.received = received
        self.socket: socket.socket | None = None
        self.remote: Address | None = None
        self.connected = asyncio.Event()
        self.heard_at = 0.0  # loop time of the last signed check
        self.moves = 0
        self.dropped = 0

    def send(self, datagram: bytes | memoryview) -> None:
        """Send to where the other side is now; what the kernel has no room for is lost."""
        if self.socket is None or self.remote is None:
            return
        try:
            self.socket.sendto(datagram, self.remote)
        except OSError:  # full, or unreachable for the moment: loss is what RTP is built for
            self.dropped += 1


class UdpPort:
    """Sockets on one port of several addresses."""

    def __init__(self, addresses: Sequence[str], ports: Iterable[int], public_ip: str = "") -> None:
        """Bind the first port that is free on every address. Raises `OSError` when there is none."""
        self._by_remote: dict[tuple[int, Address], Line] = {}
        self._by_username: dict[str, Line] = {}
        self._public_ip = public_ip
        self._sockets = _bind(addresses, ports)
        self.port: int = self._sockets[0].getsockname()[1]
        self._loop = asyncio.get_running_loop()
        for index, sock in enumerate(self._sockets):
            self._loop.add_reader(sock.fileno(), self._read, index, sock)

    @property
    def candidates(self) -> list[Address]:
        """Where browsers may send to, the likeliest first."""
        if self._public_ip:
            return [(self._public_ip, self.port)]
        return [(sock.getsockname()[0], self.port) for sock in self._sockets]

    def add(self, line: Line) -> None:
        self._by_username[line.username] = line

    def remove(self, line: Line) -> None:
        self._by_username.pop(line.username, None)
        for key in [key for key, known in self._by_remote.items() if known is line]:
            del self._by_remote[key]

    def close(self) -> None:
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()

    def _read(self, index: int, sock: socket.socket) -> None:
        known = self._by_remote
        for _ in range(BATCH):
            try:
                datagram, address = sock.recvfrom(adapter.PACKET_BYTES)
            except BlockingIOError:
                return
            except OSError as fault:
                log.warning("media.socket", fault=type(fault).__name__)
                return
            address = address[:2]
            line = known.get((index, address))
            try:
                if datagram and datagram[0] < 4:  # RFC 7983: STUN
                    self._check(index, sock, datagram, address)
                elif line is not None and datagram:
                    line.received(datagram)
            except Exception as fault:  # one leg's trouble is not the others'
                log.error("media.datagram", fault=type(fault).__name__, exc_info=fault)

    def _check(self, index: int, sock: socket.socket, datagram: bytes, address: Address) -> None:
        """Answer a connectivity check; a signed one tells where the leg is."""
        found = adapter.stun_request(datagram)
        line = self._by_username.get(found[0].partition(":")[0]) if found else None
        if found is None or line is None:
            return
        answer = adapter.stun_answer(found[1], line.password, address)
        if answer is None:
            return
        sock.sendto(answer, address)
        line.heard_at = self._loop.time()
        self._by_remote[index, address] = line
        # The controlling side says by USE-CANDIDATE which of its pairs to use (RFC 8445 section 8.1.1).
        if line.remote is None or "USE-CANDIDATE" in found[1].attributes:
            if line.remote not in (None, address):
                line.moves += 1
            line.socket, line.remote = sock, address
            line.connected.set()


def _bind(addresses: Sequence[str], ports: Iterable[int]) -> list[socket.socket]:
    for port in ports:
        sockets: list[socket.socket] = []
        try:
            for address in addresses:
                sockets.append(_socket(address, sockets[0].getsockname()[1] if sockets else port))
            return sockets
        except OSError as fault:
            for sock in sockets:
                sock.close()
            if fault.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise OSError(errno.EADDRINUSE, "every UDP port of MEDIA_PORTS is taken")


def _socket(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
