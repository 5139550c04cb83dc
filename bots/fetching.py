"""Fetching what others name: only from public addresses, or hosts that the operator trusts; small and soon.

A name is resolved once and connected to at the address that was looked at, so that no second answer of the
name server leads inside. Redirects are followed by hand, each judged like the first address.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

REDIRECTS = 3
CHUNK = 64 * 1024


class NotFetched(Exception):
    """Why nothing was fetched: `address`, `scheme`, `status`, `too_large`, `redirects`, `network`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_trusted(url: str, hosts: Collection[str]) -> bool:
    """Whether an address lies at one of `hosts`: `.kakao.com` (the domain and all below it),
    `help.example.com`, or with its port `127.0.0.1:9000`. Plain http only where the port is named."""
    try:
        parts = URL(url)
    except ValueError:
        return False
    host = (parts.host or "").lower()
    if not host or parts.user or parts.password:
        return False
    if f"{host}:{parts.port}" in hosts:
        return parts.scheme in ("http", "https")
    if parts.scheme != "https" or parts.port != 443:
        return False
    return any(host == one.removeprefix(".") or (one[:1] == "." and host.endswith(one)) for one in hosts)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet; mapped IPv4 addresses count as what they map."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PublicResolver(AbstractResolver):
    """Names as the system knows them, without the addresses that are not public."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise OSError(None, f"no public address: {host}")
        return public

    async def close(self) -> None:
        await self._system.close()


async def fetch(url: str, *, most: int, seconds: float, trusted: Collection[str] = ()) -> bytes:
    """The content of an address, at most `most` bytes, within `seconds` in all. Raises `NotFetched`."""
    try:
        async with asyncio.timeout(seconds), _session() as session:
            place = URL(url)
            for _ in range(REDIRECTS + 1):
                found = await _get(session, place, most, trusted)
                if isinstance(found, bytes):
                    return found
                place = found
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as fault:
        raise NotFetched("network") from fault
    raise NotFetched("redirects")


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(resolver=PublicResolver(), use_dns_cache=False, limit=4)
    return aiohttp.ClientSession(
        connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    )


async def _get(
    session: aiohttp.ClientSession, place: URL, most: int, trusted: Collection[str]
) -> bytes | URL:
    """The content, or the address at which it is instead."""
    _judge(place, trusted)
    headers: dict[str, Any] = {"Accept": "*/*", "Accept-Encoding": "identity"}
    async with session.get(place, allow_redirects=False, headers=headers) as answer:
        if answer.status in (301, 302, 303, 307, 308):
            return place.join(URL(answer.headers.get("Location", "")))
        if answer.status != 200:
            raise NotFetched("status")
        if (answer.content_length or 0) > most:
            raise NotFetched("too_large")
        data = bytearray()
        async for chunk in answer.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > most:
                raise NotFetched("too_large")
        return bytes(data)


def _judge(place: URL, trusted: Collection[str]) -> None:
    """Refuse other schemes and ports, and addresses written as numbers that are not public: those are never
    resolved, and some spellings of them (`127.1`) only the system understands. Raises `NotFetched`."""
    if place.scheme not in ("http", "https") or not place.host or place.user or place.password:
        raise NotFetched("scheme")
    if is_trusted(str(place), trusted):
        return
    numeric = ":" in place.host or place.host.replace(".", "").isdigit()
    if place.port not in (80, 443) or (numeric and not is_public(place.host)):
        raise NotFetched("address")
