"""What the proxy is told once: its names and its limits."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol, Self
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class ProxySettings(Protocol):
    """The two settings that the proxy reads."""

    @property
    def api_url(self) -> str:
        """Where the platform signs people in."""

    @property
    def sessions_url(self) -> str:
        """Scheme, domain and port under which sessions have their names."""


@dataclass(frozen=True, slots=True)
class Options:
    """Names, sizes in bytes, times in seconds, counts."""

    api_url: str
    scheme: str
    domain: str
    port: int
    head_limit: int = 64 * 1024
    target_limit: int = 16 * 1024
    head_timeout: float = 30.0
    keep_alive_timeout: float = 75.0
    idle_timeout: float = 300.0
    linger_timeout: float = 5.0
    connect_timeout: float = 5.0
    doors_timeout: float = 5.0
    verdict_seconds: float = 1.0
    stale_seconds: float = 300.0
    review_seconds: float = 15.0
    sweep_seconds: float = 1.0
    activity_seconds: float = 60.0
    pooled_seconds: float = 30.0
    grace_seconds: int = 10
    connections_per_address: int = 4096
    requests_per_session: int = 512
    tunnels_per_session: int = 256
    trusted_peers: tuple[IPv4Network | IPv6Network, ...] = ()
    forbidden_ports: frozenset[int] = frozenset()

    @classmethod
    def of(cls, settings: ProxySettings) -> Self:
        """Read the settings; the platform's own port is never a container's."""
        sessions = urlsplit(settings.sessions_url)
        if sessions.scheme not in DEFAULT_PORTS or not sessions.hostname:
            raise ValueError(f"sessions_url is {settings.sessions_url!r}; write it as http://sessions.example:8081.")
        port = sessions.port or DEFAULT_PORTS[sessions.scheme]
        api = urlsplit(settings.api_url)
        own = frozenset({port, api.port or DEFAULT_PORTS.get(api.scheme, 443)})
        return cls(settings.api_url.rstrip("/"), sessions.scheme, sessions.hostname, port, forbidden_ports=own)

    @property
    def secure(self) -> bool:
        """Tell whether sessions are https to the outside."""
        return self.scheme == "https"

    @property
    def cookie_name(self) -> str:
        """The name of the entry cookie; only https may carry the `__Host-` prefix."""
        return "__Host-carrel" if self.secure else "carrel-desk"

    @property
    def state_cookie_name(self) -> str:
        """The name of the cookie that binds a ticket to a browser."""
        return "__Host-carrel-state" if self.secure else "carrel-state"
