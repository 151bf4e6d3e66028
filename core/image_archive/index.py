"""What an archive holds: a digest of every file, the text of the small JSON ones, and where the links lead."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.bytesize import readable
from core.image_archive.decompress import Inflater
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, Meter, shown
from core.image_archive.tar import Kind, Member, Tar

LONGEST_CHAIN = 16
JSON_BEGINS = b"{[ \t\r\n"  # The tar file of a layer begins with a file name.


@dataclass(frozen=True)
class Blob:
    """A file of the archive; digests read `sha256:` and 64 hexadecimal digits."""

    size: int
    digest: str
    unpacked_size: int
    unpacked_digest: str
    text: bytes | None
    """The content, where it may be JSON and is small enough."""


@dataclass
class Contents:
    """All files and links of one archive, by normal path."""

    blobs: dict[str, Blob] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Blob | None:
        """Give the file at `name`, through links; None when there is none."""
        for _ in range(LONGEST_CHAIN):
            if name in self.blobs:
                return self.blobs[name]
            if name not in self.links:
                return None
            name = self.links[name]
        raise ArchiveRefused(
            f"The link {shown(name)} in the archive leads in a circle; save it again with docker save."
        )


def read(chunks: Iterable[bytes], limits: ArchiveLimits) -> Contents:
    """Read a whole archive, compressed or not, in constant memory. Blocks; belongs on a thread."""
    meter = Meter(limits)
    tar = Tar(_inflated(chunks, meter), limits)
    contents = Contents()
    kept = 0
    for member in tar.members():
        _refuse_twice(contents, member)
        if member.kind is Kind.FILE:
            blob = _blob(member, tar.content(), meter)
            kept += len(blob.text or b"")
            if kept > limits.kept_bytes:
                most = readable(limits.kept_bytes)
                raise ArchiveRefused(f"The archive holds more than {most} of JSON; save exactly one image in it.")
            contents.blobs[member.name] = blob
        elif member.target:
            contents.links[member.name] = member.target
    _refuse_paths_through_links(contents)
    return contents


def _inflated(chunks: Iterable[bytes], meter: Meter) -> Iterator[bytes]:
    inflater = Inflater("the archive")
    for chunk in chunks:
        meter.receive(len(chunk))
        for piece in inflater.feed(chunk):
            meter.unpack_archive(len(piece))
            yield piece
    if not meter.received:
        raise ArchiveRefused("The archive is empty; upload the output of docker save.")
    yield from inflater.finish()


def _blob(member: Member, pieces: Iterator[bytes], meter: Meter) -> Blob:
    inflater = Inflater(f"the layer {shown(member.name)}")
    raw, unpacked, unpacked_size = hashlib.sha256(), hashlib.sha256(), 0
    kept = bytearray() if member.size <= meter.limits.json_bytes else None
    for piece in pieces:
        raw.update(piece)
        for part in inflater.feed(piece):
            unpacked_size += len(part)
            if not inflater.plain:
                meter.unpack_layer(len(part))
                unpacked.update(part)
        if kept is not None and (kept or piece[0] in JSON_BEGINS):
            kept += piece
        else:
            kept = None
    unpacked_size += sum(len(part) for part in inflater.finish())
    digest = f"sha256:{raw.hexdigest()}"
    unpacked_digest = digest if inflater.plain else f"sha256:{unpacked.hexdigest()}"
    return Blob(member.size, digest, unpacked_size, unpacked_digest, None if kept is None else bytes(kept))


def _refuse_twice(contents: Contents, member: Member) -> None:
    if member.name in contents.blobs or member.name in contents.links:
        raise ArchiveRefused(f"The archive holds {shown(member.name)} twice; save it again with docker save.")


def _refuse_paths_through_links(contents: Contents) -> None:
    """Docker would write such a file elsewhere, and so read another image than the one that was checked."""
    for name in [*contents.blobs, *contents.links]:
        parts = name.split("/")
        if any("/".join(parts[:depth]) in contents.links for depth in range(1, len(parts))):
            raise ArchiveRefused(
                f"The path {shown(name)} leads through a link; save the archive again with docker save."
            )
