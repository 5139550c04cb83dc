"""Where the bytes of files live: a folder outside the web root. Every call runs off the event loop."""

import asyncio
import os
import secrets
import shutil
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

    async def take(self, key: str, path: Path) -> None:
        """Keep a file that lies on this machine, of any size; it is gone from `path` afterwards."""

    async def discard(self, path: Path) -> None:
        """Delete a file that was to be taken; fine when there is none."""

    async def local(self, key: str) -> Path:
        """A file of this machine with the bytes, for reading parts of it. Raises `FileNotFoundError`."""


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

    async def take(self, key: str, path: Path) -> None:
        """Copy beside, rename, then delete the old one: whatever crashes, one whole file is left."""
        await asyncio.to_thread(self._take, self._path(key), path)

    async def discard(self, path: Path) -> None:
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def local(self, key: str) -> Path:
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise FileNotFoundError(key)
        return path

    @staticmethod
    def _take(to: Path, path: Path) -> None:
        if not path.exists() and to.exists():
            return  # taken before a crash
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
        try:
            shutil.copyfile(path, beside)
            with open(beside, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(beside, to)
            _sync_name(to)
        finally:
            beside.unlink(missing_ok=True)
        path.unlink(missing_ok=True)

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
            _sync_name(path)
        finally:
            beside.unlink(missing_ok=True)


def _sync_name(path: Path) -> None:
    """Have the disk keep the name of a file, and that of its folder, which may be new."""
    for folder in (path.parent, path.parent.parent):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
