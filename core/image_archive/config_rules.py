"""The rules for an image's user and exposed ports."""

from collections.abc import Mapping
from typing import Any

from core.image_archive.limits import ArchiveRefused, quoted

MAX_USER_ID = 2**31 - 1
MAX_PORT = 65535
MAX_PORTS = 256
ROOT = "The image runs as root; add a USER line to its Dockerfile."


def require_non_root(user: str) -> str:
    """Return `user`, as in a USER line; refuse every way to write root.

    The engine parses the part before the colon, with signs and leading zeros. Other names pass, because the archive's
    configuration does not contain their ids.
    """
    name = user.partition(":")[0].strip()
    number = _number(name)
    if name in {"", "root"} or number == 0:
        raise ArchiveRefused(ROOT)
    if number is not None and not 0 < number <= MAX_USER_ID:
        raise ArchiveRefused(
            f"The image runs as the user {quoted(name)}, which cannot exist; correct the USER line of its Dockerfile."
        )
    return user


def tcp_ports(exposed: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sorted TCP ports of an ExposedPorts object (`8080/tcp`, `9000-9002`); other protocols are skipped."""
    ports: set[int] = set()
    for declared in exposed:
        numbers, _, protocol = declared.partition("/")
        first, dash, last = numbers.partition("-")
        low, high = _port(first, declared), _port(last if dash else first, declared)
        if low > high:
            raise ArchiveRefused(_port_sentence(declared))
        if protocol.lower() in {"", "tcp"}:
            ports.update(range(low, min(high, low + MAX_PORTS) + 1))
        if len(ports) > MAX_PORTS:
            raise ArchiveRefused(f"The image exposes more than {MAX_PORTS} ports; expose only those that it serves.")
    return tuple(sorted(ports))


def _number(name: str) -> int | None:
    try:
        return int(name)
    except ValueError:
        return None


def _port(text: str, declared: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PORT)) else 0
    if not 0 < number <= MAX_PORT:
        raise ArchiveRefused(_port_sentence(declared))
    return number


def _port_sentence(declared: str) -> str:
    return f"The image exposes {quoted(declared)}, which is not a port; correct the EXPOSE line of its Dockerfile."
