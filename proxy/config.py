"""Options of the proxy: the names that it serves and the limits that it keeps, for all its modules."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol, Self
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class ProxySettings(Protocol):
    """The two settings that the proxy reads."""

    @property
    def api_url(self) -> str:
        """The address of the API, where users sign in."""

    @property
    def sessions_url(self) -> str:
        """Scheme, domain and port under which sessions have their host names."""


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """Names and limits of one proxy: sizes in bytes, times in seconds, counts."""

    api_url: str
    scheme: str
    domain: str
    port: int
    # uvicorn limits neither heads nor targets by itself.
    head_limit: int = 64 * 1024
    target_limit: int = 16 * 1024
    head_timeout: float = 30.0
    keep_alive_timeout: float = 75.0
    idle_timeout: float = 300.0
    linger_timeout: float = 5.0
    connect_timeout: float = 5.0
    # Access: how long to wait for a decision, to reuse it, and to trust it while the directory is down.
    directory_timeout: float = 5.0
    decision_seconds: float = 1.0
    stale_seconds: float = 300.0
    recheck_seconds: float = 15.0
    sweep_seconds: float = 1.0
    activity_seconds: float = 60.0
    pool_idle_seconds: float = 30.0
    grace_seconds: int = 10
    # Many users may share one address, for example behind NAT.
    connections_per_address: int = 4096
    requests_per_session: int = 512
    tunnels_per_session: int = 256
    trusted_peers: tuple[IPv4Network | IPv6Network, ...] = ()
    forbidden_ports: frozenset[int] = frozenset()

    @classmethod
    def from_settings(cls, settings: ProxySettings) -> Self:
        """Read the settings; ports of the platform are forbidden as ports of a container."""
        sessions = urlsplit(settings.sessions_url)
        if sessions.scheme not in DEFAULT_PORTS or not sessions.hostname:
            raise ValueError(f"sessions_url is {settings.sessions_url!r}; write it as http://sessions.example:8081.")
        port = sessions.port or DEFAULT_PORTS[sessions.scheme]
        api = urlsplit(settings.api_url)
        platform_ports = frozenset({port, api.port or DEFAULT_PORTS.get(api.scheme, 443)})
        api_url = settings.api_url.rstrip("/")
        return cls(api_url, sessions.scheme, sessions.hostname, port, forbidden_ports=platform_ports)

    @property
    def is_secure(self) -> bool:
        """True if browsers reach sessions by https."""
        return self.scheme == "https"

    @property
    def cookie_name(self) -> str:
        """The name of the entry cookie; browsers accept the `__Host-` prefix over https only."""
        return "__Host-carrel" if self.is_secure else "carrel-entry"

    @property
    def state_cookie_name(self) -> str:
        """The name of the cookie that binds a ticket to a browser."""
        return "__Host-carrel-state" if self.is_secure else "carrel-state"

    @property
    def frame_ancestors(self) -> str:
        """The Content-Security-Policy directive that lets only the API and the session itself frame a page."""
        return f"frame-ancestors 'self' {self.api_url}"
