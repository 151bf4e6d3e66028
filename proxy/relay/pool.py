"""The connections to one session's container: kept for that session only, and closed with it."""

from __future__ import annotations

import asyncio
import socket

from proxy.config import Options
from proxy.directory import Address
from proxy.http import routing
from proxy.relay.upstream import Upstream

FRESH_SECONDS = 1.5
KEPT_PER_ADDRESS = 64


class Pool:
    """Keep-alive connections of one session, by address; another session never sees them."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.idle: dict[Address, list[Upstream]] = {}
        self.open: set[Upstream] = set()
        self.closed = False

    def take(self, address: Address, *, repeatable: bool) -> Upstream | None:
        """Return an idle connection, or None.

        A container may close one at any moment. Requests that can be repeated may try an old one;
        others get one that was in use a moment ago.
        """
        idle = self.idle.get(address)
        if not idle:
            return None
        upstream = idle.pop()
        if not repeatable and asyncio.get_running_loop().time() - upstream.idle_since > FRESH_SECONDS:
            idle.append(upstream)
            return None
        return upstream

    def release(self, upstream: Upstream) -> None:
        """Take a connection back whose exchange ended well."""
        idle = self.idle.setdefault(upstream.address, [])
        if self.closed or len(idle) >= KEPT_PER_ADDRESS:
            upstream.transport.abort()
            return
        upstream.idle_since = asyncio.get_running_loop().time()
        idle.append(upstream)

    def discard(self, upstream: Upstream) -> None:
        """Forget a connection that is closed."""
        self.open.discard(upstream)
        idle = self.idle.get(upstream.address)
        if idle and upstream in idle:
            idle.remove(upstream)

    async def connect(self, address: Address) -> Upstream:
        """Open a connection; OSError if the container does not take it or the address is not a container's."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.options.connect_timeout):
            host, port = await self._resolve(address)
            _, upstream = await loop.create_connection(
                lambda: Upstream(self, address, self.options.head_limit), host, port
            )
        if self.closed:
            upstream.transport.abort()
            raise ConnectionAbortedError("The session ended.")
        self.open.add(upstream)
        return upstream

    async def _resolve(self, address: Address) -> Address:
        """Return a literal address that a container may have."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
        literal = (str(found[0][4][0]), address[1])
        if not routing.permitted(literal, self.options):
            raise PermissionError(f"No container may be at {literal[0]}:{literal[1]}.")
        return literal

    def prune(self, now: float) -> None:
        """Close what has been idle for long."""
        for idle in self.idle.values():
            while idle and now - idle[0].idle_since > self.options.pooled_seconds:
                idle.pop(0).transport.abort()

    def close(self) -> None:
        """Close every connection; what is in use ends for its client too."""
        self.closed = True
        self.idle.clear()
        for upstream in list(self.open):
            upstream.transport.abort()
