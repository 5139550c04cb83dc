"""A page's way to the front that can go dead, as a phone's that leaves its Wi-Fi: no end, no word."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Way:
    """Passes TCP connections on. `cut` makes those that are open silent for ever; new ones work."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._cuts = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, back]
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass(source, target, self._cuts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, cuts: int) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if cuts == self._cuts:
                    target.write(data)
                    await target.drain()
            if cuts == self._cuts:
                target.close()

    def cut(self) -> None:
        self._cuts += 1

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()


@contextlib.asynccontextmanager
async def way_to(url: str) -> AsyncIterator[tuple[str, Way]]:
    """An address by which `url` is reached."""
    parts = urlsplit(url)
    way = Way(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(way.connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", way
    finally:
        way.close()
        server.close()
