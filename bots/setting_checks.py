"""Checks that several settings share. Each gives the value to be kept, or raises `ValueError` with the fault.

What may hold a password is never in the fault.
"""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def address(value: str) -> str:
    """An http address with a host; without its last slash."""
    parts = split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address with a host")
    return value.rstrip("/")


def split(value: str) -> SplitResult:
    """The parts of an address whose port, if it has one, is a port."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(
            "is no address: look at port and brackets, and at signs of a password that need %"
        ) from None
    return parts


def listed(value: object) -> object:
    """The parts of a list with commas; what is no text stays for pydantic to refuse."""
    if isinstance(value, str):
        return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]
    return value


def mail_server(value: str, schemes: Sequence[str]) -> str:
    """An address of a mail server."""
    parts = split(value)
    if value and (parts.scheme not in schemes or not parts.hostname):
        raise ValueError(
            f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and have a host"
        )
    if value and parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise ValueError("imap:// is for this machine alone: a password needs imaps://")
    return value


def long(value: str, least: int) -> str:
    """A secret of at least so many characters, or none."""
    if value and len(value) < least:
        raise ValueError(f"has {len(value)} characters, needs at least {least}")
    return unbroken(value)


def unbroken(value: str) -> str:
    """What is copied from a console: white space in it came along by mistake."""
    if re.search(r"\s", value):
        raise ValueError("has white space in it, most likely from copying")
    return value


def ports(value: str) -> range:
    """A port or a range of ports that no superuser is needed for."""
    first, dash, last = value.partition("-")
    last = last if dash else first
    if not (_number(first) and _number(last) and int(first) <= int(last) <= 65535):
        raise ValueError("must be a port or a range of ports, FIRST-LAST")
    if int(first) < 1024:
        raise ValueError("must begin at 1024 or above: ports below are for the superuser alone")
    return range(int(first), int(last) + 1)


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5
