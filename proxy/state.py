"""What all connections of one proxy share: its options, its admission, its clock and its counts."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field

from proxy.access.admission import Admission, Pass
from proxy.config import Options
from proxy.http.request import Understanding
from proxy.relay.tunnel import Tunnel


@dataclass(slots=True, eq=False)
class Counts:
    """Numbers since the start, for the metrics page."""

    requests: int = 0
    pages: int = 0
    refused: int = 0
    failed: int = 0
    retried: int = 0
    tunnels: int = 0


@dataclass(slots=True, eq=False)
class Plane:
    """The data plane of one proxy process; `now` is the loop's time as of the last sweep."""

    options: Options
    admission: Admission
    understanding: Understanding
    framing: bytes = field(init=False)
    now: float = 0.0
    counts: Counts = field(default_factory=Counts)
    addresses: Counter[str] = field(default_factory=Counter)
    open_tunnels: set[Tunnel] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Prepare the line that lets only the platform and the session itself show a session in a frame."""
        self.framing = b"Content-Security-Policy: frame-ancestors 'self' %b\r\n" % self.options.api_url.encode()

    def arrived(self, address: str) -> bool:
        """Count a connection of an address, and tell whether it is one too many."""
        self.addresses[address] += 1
        return self.addresses[address] > self.options.connections_per_address

    def left(self, address: str) -> None:
        """Count a connection as gone."""
        self.addresses[address] -= 1
        if self.addresses[address] <= 0:
            del self.addresses[address]

    def trusts(self, address: str) -> bool:
        """Tell whether this is the address of a front whose X-Forwarded-For is believed."""
        if not self.options.trusted_peers:
            return False
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.options.trusted_peers)

    def opened(self, tunnel: Tunnel, admitted: Pass) -> None:
        """Note that a websocket opened under a pass."""
        self.counts.tunnels += 1
        self.open_tunnels.add(tunnel)
        admitted.live.add(tunnel)
        if admitted.line is not None:
            admitted.line.tunnels += 1

    def ended(self, tunnel: Tunnel, admitted: Pass, address: str) -> None:
        """Note that a websocket closed."""
        self.left(address)
        self.open_tunnels.discard(tunnel)
        admitted.live.discard(tunnel)
        if admitted.line is not None:
            admitted.line.tunnels -= 1
