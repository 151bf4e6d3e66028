"""The connections to one session's container, by address; they are closed with the session."""

from __future__ import annotations

import asyncio
import socket

from proxy.config import ProxyOptions
from proxy.directory import Address
from proxy.http import routing
from proxy.relay.upstream import Upstream

FRESH_SECONDS = 1.5
MAX_IDLE_PER_ADDRESS = 64


class Pool:
    """Keep-alive connections of one session. Sessions share none: two containers may get one address in turn."""

    def __init__(self, options: ProxyOptions) -> None:
        self.options = options
        self.frame_header = b"Content-Security-Policy: %b\r\n" % options.frame_ancestors.encode()
        self.idle: dict[Address, list[Upstream]] = {}
        self.open: set[Upstream] = set()
        self.closed = False

    def take(self, address: Address, *, is_retryable: bool) -> Upstream | None:
        """Return an idle connection, or None.

        A container may close one at any moment. Requests that may be retried take any connection; others
        take only one that was in use a moment ago.
        """
        idle = self.idle.get(address)
        if not idle:
            return None
        # The one used last is the least likely to be dead.
        upstream = idle.pop()
        if not is_retryable and asyncio.get_running_loop().time() - upstream.idle_since > FRESH_SECONDS:
            idle.append(upstream)
            return None
        return upstream

    def release(self, upstream: Upstream, /) -> None:
        """Take a connection back whose exchange ended well."""
        idle = self.idle.setdefault(upstream.address, [])
        if self.closed or len(idle) >= MAX_IDLE_PER_ADDRESS:
            upstream.transport.abort()
            return
        upstream.idle_since = asyncio.get_running_loop().time()
        idle.append(upstream)

    def discard(self, upstream: Upstream, /) -> None:
        """Forget a connection that is closed or given to a tunnel."""
        self.open.discard(upstream)
        idle = self.idle.get(upstream.address)
        if idle and upstream in idle:
            idle.remove(upstream)

    async def connect(self, address: Address) -> Upstream:
        """Open a connection; OSError if the container refuses it or no container may have the address."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.options.connect_timeout):
            host, port = await self._resolve(address)
            _, upstream = await loop.create_connection(lambda: self._make_upstream(address), host, port)
        if self.closed:  # The session ended while the connection was opened.
            upstream.transport.abort()
            raise ConnectionAbortedError("The session ended.")
        self.open.add(upstream)
        return upstream

    def _make_upstream(self, address: Address) -> Upstream:
        return Upstream(self, address, self.options.head_limit, self.frame_header)

    async def _resolve(self, address: Address) -> Address:
        # Connect to the very address that was checked: a second look-up of the name could give another.
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
        literal = (str(found[0][4][0]), address[1])
        if not routing.is_container_address(literal, self.options):
            raise PermissionError(f"A container may not have the address {literal[0]}:{literal[1]}.")
        return literal

    def prune(self, now: float) -> None:
        """Close connections that are idle for longer than `pool_idle_seconds`."""
        for idle in self.idle.values():
            while idle and now - idle[0].idle_since > self.options.pool_idle_seconds:
                idle.pop(0).transport.abort()

    def close(self) -> None:
        """Close every connection; responses under way break off."""
        self.closed = True
        self.idle.clear()
        for upstream in list(self.open):
            upstream.transport.abort()
