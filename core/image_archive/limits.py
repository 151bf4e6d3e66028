"""The size limits of an image archive, and the error for archives that are refused."""

import re
from dataclasses import dataclass, field

from core.bytesize import GIB, MIB, format_bytes
from core.errors import BadInput

MAX_QUOTED_LENGTH = 100
PLAIN_NAME = re.compile(rf"[A-Za-z0-9._:/-]{{1,{MAX_QUOTED_LENGTH}}}")


class ArchiveRefused(BadInput):
    """The archive is not an image that can run here; save it again with docker save."""


@dataclass(frozen=True)
class ArchiveLimits:
    """The limits of one archive; sizes are in bytes."""

    compressed_bytes: int = 16 * GIB
    uncompressed_bytes: int = 64 * GIB
    ratio: int = 200
    """The archive may unpack to this many times its size, once it has unpacked `ratio_from_bytes`."""
    ratio_from_bytes: int = 256 * MIB
    members: int = 2048
    json_bytes: int = 4 * MIB
    kept_bytes: int = 32 * MIB
    """The limit for the JSON in memory, over all files."""


@dataclass
class SizeLimiter:
    """Counts received and unpacked bytes, and refuses archives over the limits."""

    limits: ArchiveLimits = field(default_factory=ArchiveLimits)
    received: int = 0
    archive: int = 0
    layers: int = 0

    def receive(self, count: int) -> None:
        """Count received bytes."""
        self.received += count
        if self.received > self.limits.compressed_bytes:
            allowed = format_bytes(self.limits.compressed_bytes)
            raise ArchiveRefused(f"The archive is larger than {allowed}; make the image smaller.")

    def unpack_archive(self, count: int) -> None:
        """Count bytes that were unpacked from the archive's own compression."""
        self.archive += count
        self._check(self.archive)

    def unpack_layer(self, count: int) -> None:
        """Count bytes that were unpacked from a compressed layer."""
        self.layers += count
        self._check(self.layers)

    def _check(self, total: int) -> None:
        if total > self.limits.uncompressed_bytes:
            allowed = format_bytes(self.limits.uncompressed_bytes)
            raise ArchiveRefused(f"The archive unpacks to more than {allowed}; make the image smaller.")
        if total > self.limits.ratio_from_bytes and total > self.limits.ratio * self.received:
            times = self.limits.ratio
            raise ArchiveRefused(f"The archive unpacks to more than {times} times its size; save it uncompressed.")


def quoted(name: str) -> str:
    """Return a name from the archive for use in a sentence: quoted if unusual, shortened if long."""
    if PLAIN_NAME.fullmatch(name):
        return name
    return repr(name if len(name) <= MAX_QUOTED_LENGTH else f"{name[:MAX_QUOTED_LENGTH]}...")
