"""From the bytes of a request to a session's label, the container's port and the target sent to it."""

import ipaddress
import re
from dataclasses import dataclass

from proxy.config import Options
from proxy.directory import Address, Desk

LABEL = re.compile(rb"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
HOST = re.compile(rb"[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?(?::[0-9]{1,5})?")
ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)(.*)", re.DOTALL)
WEBSOCKET_MARK = b"mlab4d4c4142"
WEBSOCKET_PORT_QUESTION = b"/Settings/webSocketPort"
OURS = b"/.carrel/"
REMEMBERED = 4096


class UnroutableError(ValueError):
    """The request's target or Host header is of no form understood here."""


@dataclass(frozen=True, slots=True)
class Host:
    """A Host header in its canonical form, the label before the sessions' domain, and the origin it makes."""

    name: bytes
    label: bytes | None
    origin: bytes


class Hosts:
    """Reads Host headers, and remembers a bounded number of them: a client sends the same one each time."""

    def __init__(self, options: Options) -> None:
        self.scheme = options.scheme.encode()
        self.suffix = b"." + options.domain.encode()
        self.known: dict[bytes, Host] = {}

    def read(self, told: bytes) -> Host:
        """Return the host; UnroutableError if it is of no form understood here."""
        found = self.known.get(told)
        if found is None:
            name = canonical_host(told)
            found = Host(name, label_of(name, self.suffix), b"%b://%b" % (self.scheme, name))
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known[told] = found
        return found


def canonical_host(host: bytes) -> bytes:
    """Return the Host in lower case; refuse lists, user names, literals, slashes and empty labels."""
    host = host.lower()
    if HOST.fullmatch(host) is None or b".." in host:
        raise UnroutableError("The Host header must be a plain host name, with a port at most.")
    return host


def label_of(host: bytes, suffix: bytes) -> bytes | None:
    """Return the one label before `.<sessions domain>`, or None if the host is no session's."""
    name = host.partition(b":")[0]
    if not name.endswith(suffix):
        return None
    label = name[: -len(suffix)]
    return label if LABEL.fullmatch(label) else None


def origin_form(target: bytes, host: bytes) -> bytes:
    """Return the target from its path on; an absolute one must name the very host of the Host header."""
    if target.startswith(b"/"):
        return target
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise UnroutableError("The request target must begin with a slash.")
    if absolute[1].lower() != host:
        raise UnroutableError("The request target names another host than the Host header.")
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]


def destination(desk: Desk, target: bytes, *, websocket: bool) -> tuple[Address | None, bytes]:
    """Return the container's address for a target, and the target as the container is to see it.

    What comes before the websocket mark in a path is dropped, as its clients expect; every other
    target is passed byte for byte.
    """
    if WEBSOCKET_MARK in target:
        marked = _from_mark(target)
        if marked is not None:
            return desk.websocket or desk.http, marked
    if websocket:
        return desk.websocket or desk.http, target
    return desk.http, target


def _from_mark(target: bytes) -> bytes | None:
    path, question, query = target.partition(b"?")
    at = path.find(b"/" + WEBSOCKET_MARK)
    if at < 0:
        return None
    rest = path[at:]
    if rest[len(WEBSOCKET_MARK) + 1 :][:1] not in (b"", b"/"):
        return None
    return rest + question + query


def permitted(address: Address, options: Options) -> bool:
    """Tell whether a container may be here: never at link-local (metadata), multicast, or a port of ours."""
    host, port = address
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return port >= 1024 and port not in options.forbidden_ports
    return port >= 1024 and not (ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved)


def asks_websocket_port(target: bytes) -> bool:
    """Tell whether this is the question that viewers ask the proxy rather than the container."""
    return target.startswith(WEBSOCKET_PORT_QUESTION) and target[len(WEBSOCKET_PORT_QUESTION) :][:1] in (b"", b"?")


def outside_port(host: bytes, options: Options) -> bytes:
    """Return the port that a browser used to reach this host."""
    port = host.partition(b":")[2]
    return port or (b"443" if options.secure else b"80")
