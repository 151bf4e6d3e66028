"""How much an image archive may hold, and the refusal of one that is not fit."""

import re
from dataclasses import dataclass, field

from core.bytesize import GIB, MIB, readable
from core.errors import BadInput

LONGEST_SHOWN = 100
PLAIN_NAME = re.compile(rf"[A-Za-z0-9._:/-]{{1,{LONGEST_SHOWN}}}")


class ArchiveRefused(BadInput):
    """The archive is not an image that can run here; save it again with docker save."""


@dataclass(frozen=True)
class ArchiveLimits:
    """Ceilings for one archive; sizes are in bytes."""

    compressed_bytes: int = 16 * GIB
    uncompressed_bytes: int = 64 * GIB
    ratio: int = 200
    """How many times its own size the archive may unpack to, once it has unpacked `ratio_from_bytes`."""
    ratio_from_bytes: int = 256 * MIB
    members: int = 2048
    json_bytes: int = 4 * MIB
    kept_bytes: int = 32 * MIB
    """How much JSON is kept in memory until the end, over all files."""


@dataclass
class Meter:
    """Counts what came in and what it unpacked to, and refuses what goes over the limits."""

    limits: ArchiveLimits = field(default_factory=ArchiveLimits)
    received: int = 0
    archive: int = 0
    layers: int = 0

    def receive(self, count: int) -> None:
        """Count `count` bytes as they arrived."""
        self.received += count
        if self.received > self.limits.compressed_bytes:
            allowed = readable(self.limits.compressed_bytes)
            raise ArchiveRefused(f"The archive is larger than {allowed}; make the image smaller.")

    def unpack_archive(self, count: int) -> None:
        """Count `count` bytes that came out of the archive's own compression."""
        self.archive += count
        self._judge(self.archive)

    def unpack_layer(self, count: int) -> None:
        """Count `count` bytes that came out of a compressed layer."""
        self.layers += count
        self._judge(self.layers)

    def _judge(self, total: int) -> None:
        if total > self.limits.uncompressed_bytes:
            allowed = readable(self.limits.uncompressed_bytes)
            raise ArchiveRefused(f"The archive unpacks to more than {allowed}; make the image smaller.")
        if total > self.limits.ratio_from_bytes and total > self.limits.ratio * self.received:
            times = self.limits.ratio
            raise ArchiveRefused(f"The archive unpacks to more than {times} times its size; save it uncompressed.")


def shown(name: str) -> str:
    """Give a name from the archive as a sentence may show it: quoted where it is odd, cut where it is long."""
    if PLAIN_NAME.fullmatch(name):
        return name
    return repr(name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}...")
