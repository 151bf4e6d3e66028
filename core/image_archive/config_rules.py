"""Which users an image may run as, and what its declared ports mean."""

from collections.abc import Mapping
from typing import Any

from core.image_archive.limits import ArchiveRefused, shown

HIGHEST_USER = 2**31 - 1
HIGHEST_PORT = 65535
MOST_PORTS = 256
ROOT = "The image runs as root; add a USER line to its Dockerfile."


def not_root(user: str) -> str:
    """Give back `user`, as in a USER line; refuse every way to write root.

    The engine reads the part before the colon with a parser that takes signs and leading zeros. Other names pass: the
    archive's configuration does not tell which number they stand for.
    """
    name = user.partition(":")[0].strip()
    number = _number(name)
    if name in {"", "root"} or number == 0:
        raise ArchiveRefused(ROOT)
    if number is not None and not 0 < number <= HIGHEST_USER:
        raise ArchiveRefused(f"The image runs as the user {shown(name)}, which cannot exist; correct the USER line.")
    return user


def tcp_ports(exposed: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the TCP ports of an ExposedPorts object (`8080/tcp`, `9000-9002`) in order, without other protocols."""
    ports: set[int] = set()
    for declared in exposed:
        numbers, _, protocol = declared.partition("/")
        first, dash, last = numbers.partition("-")
        low, high = _port(first, declared), _port(last if dash else first, declared)
        if low > high:
            raise ArchiveRefused(_not_a_port(declared))
        if protocol.lower() in {"", "tcp"}:
            ports.update(range(low, min(high, low + MOST_PORTS) + 1))
        if len(ports) > MOST_PORTS:
            raise ArchiveRefused(f"The image exposes more than {MOST_PORTS} ports; expose only those that it serves.")
    return tuple(sorted(ports))


def _number(name: str) -> int | None:
    try:
        return int(name)
    except ValueError:
        return None


def _port(text: str, declared: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST_PORT)) else 0
    if not 0 < number <= HIGHEST_PORT:
        raise ArchiveRefused(_not_a_port(declared))
    return number


def _not_a_port(declared: str) -> str:
    return f"The image exposes {shown(declared)}, which is not a port; correct the EXPOSE line of its Dockerfile."
