"""An interruptible connection to a service: a unix socket that forwards to another address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class Pipe:
    """Forwards connections at `path` to `target`; while it is cut, it closes every connection."""

    def __init__(self, path: Path, target: str) -> None:
        """Forward from the socket `path` to the socket or address `target`, in the format of DOCKER_HOST."""
        self._path, self._target = path, target
        self._is_cut = False
        self._running: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """The address for clients."""
        return f"unix://{self._path}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Pipe"]:
        """Accept connections while the context is open."""
        server = await asyncio.start_unix_server(self._serve, self._path)
        try:
            yield self
        finally:
            server.close()
            await self.cut()

    async def cut(self) -> None:
        """Close all connections and accept no others."""
        self._is_cut = True
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def restore(self) -> None:
        """Accept connections again."""
        self._is_cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        try:
            if not self._is_cut:
                await self._pass(reader, writer)
        finally:
            writer.close()
            self._running.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._connect()
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        kind, _, rest = self._target.partition("://")
        if kind == "unix":
            return await asyncio.open_unix_connection(rest)
        host, _, port = rest.rpartition(":")
        return await asyncio.open_connection(host, int(port))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(1 << 16):
            writer.write(block)
            await writer.drain()
        writer.write_eof()
