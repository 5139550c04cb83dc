"""Where the bytes of files live: a folder outside the web root. Every call runs off the event loop."""

import asyncio
import os
import secrets
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """A place for bytes under keys that we make (`ab/abcdef…`)."""

    async def put(self, key: str, data: bytes) -> None:
        """Keep the bytes; they survive a crash once this returns."""

    async def get(self, key: str) -> bytes:
        """The bytes. Raises `FileNotFoundError`."""

    async def delete(self, key: str) -> None:
        """Forget the bytes; fine when there are none."""


class Folder:
    """Storage in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, data: bytes) -> None:
        """Write beside and rename, so that a crash leaves no half file under the key."""
        await asyncio.to_thread(self._put, self._path(key), data)

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread(self._path(key).read_bytes)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise ValueError(f"key leaves the storage: {key!r}")
        return path

    @staticmethod
    def _put(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with open(beside, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
