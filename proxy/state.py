"""The state that all connections of one proxy process share: options, admission, clock and counters."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field

from proxy.access.admission import Admission
from proxy.access.sessions import CachedDecision, Revocable
from proxy.config import ProxyOptions
from proxy.http.request import RequestParser


@dataclass(slots=True, eq=False)
class Counters:
    """Totals since the start, for the metrics page."""

    requests: int = 0
    pages: int = 0
    refused: int = 0
    failed: int = 0
    retried: int = 0
    tunnels: int = 0


@dataclass(slots=True, eq=False)
class ProxyState:
    """The shared state of one proxy; `now` is the loop's time at the last sweep."""

    options: ProxyOptions
    admission: Admission
    parser: RequestParser
    now: float = 0.0
    counters: Counters = field(default_factory=Counters)
    connections: Counter[str] = field(default_factory=Counter)
    open_tunnels: set[Revocable] = field(default_factory=set)

    def connection_opened(self, address: str) -> bool:
        """Count a connection of a client address; return False if the address has too many."""
        self.connections[address] += 1
        return self.connections[address] <= self.options.connections_per_address

    def connection_closed(self, address: str) -> None:
        """Count a connection as closed."""
        self.connections[address] -= 1
        # A Counter keeps zeros: addresses would accumulate.
        if self.connections[address] <= 0:
            del self.connections[address]

    def is_trusted_peer(self, address: str) -> bool:
        """Return whether an address is that of a front proxy whose X-Forwarded-For is used."""
        if not self.options.trusted_peers:
            return False
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.options.trusted_peers)

    def tunnel_opened(self, tunnel: Revocable, cached: CachedDecision) -> None:
        """Count a websocket and make it revocable with its decision."""
        self.counters.tunnels += 1
        self.open_tunnels.add(tunnel)
        cached.open_work.add(tunnel)
        if cached.active is not None:
            cached.active.tunnels += 1

    def tunnel_closed(self, tunnel: Revocable, cached: CachedDecision, address: str) -> None:
        """Count a websocket, and its client's connection, as closed."""
        self.connection_closed(address)
        self.open_tunnels.discard(tunnel)
        cached.open_work.discard(tunnel)
        if cached.active is not None:
            cached.active.tunnels -= 1
