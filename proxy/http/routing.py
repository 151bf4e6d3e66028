"""Routing of a request: the session's label in its Host header, the container's address, and the target sent to it."""

import ipaddress
import re
from dataclasses import dataclass

from proxy.config import ProxyOptions
from proxy.directory import Address, SessionInfo

LABEL = re.compile(rb"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Sessions have host names only: no IPv6 literal, user name or empty port.
HOST = re.compile(rb"[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?(?::[0-9]{1,5})?")
ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)(.*)", re.DOTALL)
WEBSOCKET_MARKER = b"mlab4d4c4142"
WEBSOCKET_PORT_PATH = b"/Settings/webSocketPort"
HOST_CACHE_SIZE = 4096
MIN_CONTAINER_PORT = 1024


class UnroutableError(ValueError):
    """The target or the Host header of a request has an unsupported form."""


@dataclass(frozen=True, slots=True)
class HostHeader:
    """A Host header in lower case, the label before the sessions' domain, and the origin that it makes."""

    name: bytes
    label: bytes | None
    origin: bytes


class HostParser:
    """Parses Host headers and caches a bounded number of them, since a client sends the same one each time."""

    def __init__(self, options: ProxyOptions) -> None:
        self.scheme = options.scheme.encode()
        self.suffix = b"." + options.domain.encode()
        self.cache: dict[bytes, HostHeader] = {}

    def parse(self, value: bytes) -> HostHeader:
        """Return the parsed header; UnroutableError if its form is not supported."""
        found = self.cache.get(value)
        if found is None:
            name = normalize_host(value)
            found = HostHeader(name, session_label(name, self.suffix), b"%b://%b" % (self.scheme, name))
            if len(self.cache) >= HOST_CACHE_SIZE:
                self.cache.clear()
            self.cache[value] = found
        return found


def normalize_host(host: bytes) -> bytes:
    """Return the host in lower case; refuse lists, user names, literals, slashes and empty labels."""
    host = host.lower()
    if HOST.fullmatch(host) is None or b".." in host:
        raise UnroutableError("The Host header must be a plain host name, optionally with a port.")
    return host


def session_label(host: bytes, suffix: bytes) -> bytes | None:
    """Return the one label before `.<sessions domain>`; None for any other host."""
    name = host.partition(b":")[0]
    if not name.endswith(suffix):
        return None
    label = name[: -len(suffix)]
    return label if LABEL.fullmatch(label) else None


def to_origin_form(target: bytes, host: bytes) -> bytes:
    """Return the target from its path on; the host of an absolute target must equal the Host header."""
    if target.startswith(b"/"):
        return target
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise UnroutableError("The request target must begin with a slash.")
    if absolute[1].lower() != host:
        raise UnroutableError("The host in the request target differs from the Host header.")
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]


def route(session: SessionInfo, target: bytes, *, is_websocket: bool) -> tuple[Address | None, bytes]:
    """Return the container's address for a target, and the target as the container sees it.

    The part of a path before the websocket marker is removed, as clients that use the marker expect.
    Every other target is passed byte for byte.
    """
    if WEBSOCKET_MARKER in target:
        marked = _from_marker(target)
        if marked is not None:
            return session.websocket or session.http, marked
    if is_websocket:
        return session.websocket or session.http, target
    return session.http, target


def _from_marker(target: bytes) -> bytes | None:
    path, question, query = target.partition(b"?")
    at = path.find(b"/" + WEBSOCKET_MARKER)
    if at < 0:
        return None
    rest = path[at:]
    if rest[len(WEBSOCKET_MARKER) + 1 :][:1] not in (b"", b"/"):
        return None
    return rest + question + query


def is_container_address(address: Address, options: ProxyOptions) -> bool:
    """Return whether a container may have this address: not link-local (metadata), multicast, or a platform port."""
    host, port = address
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    # ::ffff:169.254.169.254 is the metadata service too.
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if port < MIN_CONTAINER_PORT:
        return False
    if ip.is_loopback:
        # Local engines publish containers on loopback, where the platform's own services listen too.
        return port not in options.forbidden_ports
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved)


def is_websocket_port_request(target: bytes) -> bool:
    """Return whether a viewer asks for the websocket port; the proxy answers that, not the container."""
    return target.startswith(WEBSOCKET_PORT_PATH) and target[len(WEBSOCKET_PORT_PATH) :][:1] in (b"", b"?")


def external_port(host: bytes, options: ProxyOptions) -> bytes:
    """Return the port by which a browser reached this host."""
    port = host.partition(b":")[2]
    return port or (b"443" if options.is_secure else b"80")
