"""Recordings at rest: AES-256-GCM in chunks, so that a long file is written as it comes and read anywhere.

A *sealed* file is a header and chunks of one size, the last one shorter and marked as the last: neither a
changed nor a missing chunk goes unseen. A *log* is what is being recorded: records of any length, each whole
or absent, so that after a kill everything before the last write is there. The key belongs to one recording;
each file has a random prefix of its nonces (NIST SP 800-38D section 8.2.1).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK: Final = 64 * 1024  # plain bytes a chunk: what a seek in a player costs at most
TAG: Final = 16
MAX_RECORD: Final = 32 * 1024 * 1024
_HEAD: Final = Struct("!4sB3xI8s4x")
_MAGIC: Final = b"DGLS"
_LENGTH: Final = Struct("!I")
_MIDDLE, _LAST, _RECORD = b"\0", b"\1", b"\2"


class Damaged(Exception):
    """The file is no sealed file, was changed or cut, or the key is another one."""


class _Cipher:
    def __init__(self, key: bytes, head: bytes) -> None:
        magic, version, self.chunk, self._prefix = _HEAD.unpack(head)
        if magic != _MAGIC or version != 1 or not 0 < self.chunk <= MAX_RECORD:
            raise Damaged("not a sealed file")
        self._head, self._aead = head, AESGCM(key)

    def seal(self, number: int, plain: bytes, mark: bytes) -> bytes:
        return bytes(self._aead.encrypt(self._nonce(number), plain, self._head + mark))

    def open(self, number: int, sealed: bytes, mark: bytes) -> bytes:
        try:
            return bytes(self._aead.decrypt(self._nonce(number), sealed, self._head + mark))
        except InvalidTag:
            raise Damaged(f"chunk {number}") from None

    def _nonce(self, number: int) -> bytes:
        return bytes(self._prefix) + number.to_bytes(4, "big")


def _head(chunk: int) -> bytes:
    return _HEAD.pack(_MAGIC, 1, chunk, os.urandom(8))


class SealedWriter:
    """Writes a sealed file from start to end."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        head = _head(CHUNK)
        self._file, self._cipher = file, _Cipher(key, head)
        self._left = bytearray()
        self._number = 0
        self._digest = hashlib.sha256()
        self.plain_bytes = 0
        file.write(head)

    def write(self, plain: bytes) -> None:
        self._digest.update(plain)
        self.plain_bytes += len(plain)
        self._left += plain
        while len(self._left) > CHUNK:
            self._put(bytes(self._left[:CHUNK]), _MIDDLE)
            del self._left[:CHUNK]

    def close(self) -> str:
        """Write the last chunk; return the SHA-256 of the plain bytes. The file stays open."""
        self._put(bytes(self._left), _LAST)
        self._left.clear()
        return self._digest.hexdigest()

    def _put(self, plain: bytes, mark: bytes) -> None:
        self._file.write(self._cipher.seal(self._number, plain, mark))
        self._number += 1


class SealedReader(io.RawIOBase):
    """Reads a sealed file from anywhere, as a seekable file of its plain bytes. Raises `Damaged`."""

    def __init__(self, path: Path, key: bytes) -> None:
        super().__init__()
        self._file = path.open("rb")
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise Damaged("too short")
        self._cipher = _Cipher(key, head)
        stored = os.fstat(self._file.fileno()).st_size - _HEAD.size
        self._chunks = -(-stored // (self._cipher.chunk + TAG))
        self.size = stored - self._chunks * TAG
        if self._chunks < 1 or self.size < 0:
            raise Damaged("cut")
        self._at = 0
        self._cached: tuple[int, bytes] = (-1, b"")

    def slice(self, start: int, length: int) -> bytes:
        """The plain bytes from `start`, fewer at the end."""
        parts, end = [], min(start + length, self.size)
        while start < end:
            number, offset = divmod(start, self._cipher.chunk)
            part = self._chunk(number)[offset : offset + end - start]
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        data = self.slice(self._at, self.size if size is None or size < 0 else size)
        self._at += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if self._cached[0] != number:
            self._file.seek(_HEAD.size + number * (self._cipher.chunk + TAG))
            sealed = self._file.read(self._cipher.chunk + TAG)
            mark = _LAST if number == self._chunks - 1 else _MIDDLE
            self._cached = number, self._cipher.open(number, sealed, mark)
        return self._cached[1]


class LogWriter:
    """Appends records to a log; each `append` is one write."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        head = _head(MAX_RECORD)
        self._file, self._cipher, self._number = file, _Cipher(key, head), 0
        os.write(file.fileno(), head)

    def append(self, plain: bytes) -> int:
        """Add a record; return the bytes written."""
        sealed = self._cipher.seal(self._number, plain, _RECORD)
        self._number += 1
        data = _LENGTH.pack(len(sealed)) + sealed
        written = 0
        while written < len(data):
            written += os.write(self._file.fileno(), data[written:])
        return written


def read_log(path: Path, key: bytes) -> Iterator[bytes]:
    """The whole records of a log, up to the first that is cut off or, after a power cut, was never written to
    the disk. Raises `Damaged` for another key."""
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        cipher, number = _Cipher(key, head), 0
        while len(length := file.read(_LENGTH.size)) == _LENGTH.size:
            size = _LENGTH.unpack(length)[0]
            sealed = file.read(size)
            if len(sealed) < size:
                return
            try:
                plain = cipher.open(number, sealed, _RECORD)
            except Damaged:
                if number == 0:
                    raise
                return
            yield plain
            number += 1
