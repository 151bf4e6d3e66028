"""The index of an archive: the digest of every file, the content of small JSON files, and the links."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.bytesize import format_bytes
from core.image_archive.decompress import Decompressor
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, SizeLimiter, quoted
from core.image_archive.tar import Member, MemberKind, TarReader

MAX_LINK_CHAIN = 16
JSON_BEGINS = b"{[ \t\r\n"  # The tar file of a layer begins with a file name.


@dataclass(frozen=True)
class Blob:
    """A file of the archive; a digest is `sha256:` and 64 hexadecimal digits."""

    size: int
    digest: str
    unpacked_size: int
    unpacked_digest: str
    text: bytes | None
    """The content, if it is small and may be JSON."""


@dataclass
class ArchiveIndex:
    """All files and links of one archive, by normalised path."""

    blobs: dict[str, Blob] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Blob | None:
        """Return the file at `name`, following links, or None."""
        for _ in range(MAX_LINK_CHAIN):
            if name in self.blobs:
                return self.blobs[name]
            if name not in self.links:
                return None
            name = self.links[name]
        raise ArchiveRefused(
            f"The link {quoted(name)} in the archive is part of a cycle; save it again with docker save."
        )


def read_index(chunks: Iterable[bytes], limits: ArchiveLimits) -> ArchiveIndex:
    """Index a whole archive, compressed or not, in constant memory. It blocks: call it in a thread."""
    limiter = SizeLimiter(limits)
    tar = TarReader(_decompress(chunks, limiter), limits)
    index = ArchiveIndex()
    json_total = 0
    for member in tar.members():
        _refuse_duplicate(index, member)
        if member.kind is MemberKind.FILE:
            blob = _blob(member, tar.content(), limiter)
            json_total += len(blob.text or b"")
            if json_total > limits.kept_bytes:
                most = format_bytes(limits.kept_bytes)
                raise ArchiveRefused(f"The archive holds more than {most} of JSON; save exactly one image in it.")
            index.blobs[member.name] = blob
        elif member.target:
            index.links[member.name] = member.target
    _refuse_paths_through_links(index)
    return index


def _decompress(chunks: Iterable[bytes], limiter: SizeLimiter) -> Iterator[bytes]:
    decompressor = Decompressor("the archive")
    for chunk in chunks:
        limiter.receive(len(chunk))
        for piece in decompressor.feed(chunk):
            limiter.unpack_archive(len(piece))
            yield piece
    if not limiter.received:
        raise ArchiveRefused("The archive is empty; upload the output of docker save.")
    yield from decompressor.finish()


def _blob(member: Member, pieces: Iterator[bytes], limiter: SizeLimiter) -> Blob:
    decompressor = Decompressor(f"the layer {quoted(member.name)}")
    raw, unpacked, unpacked_size = hashlib.sha256(), hashlib.sha256(), 0
    json_text = bytearray() if member.size <= limiter.limits.json_bytes else None
    for piece in pieces:
        raw.update(piece)
        for part in decompressor.feed(piece):
            unpacked_size += len(part)
            if not decompressor.is_plain:
                limiter.unpack_layer(len(part))
                unpacked.update(part)
        if json_text is not None and (json_text or piece[0] in JSON_BEGINS):
            json_text += piece
        else:
            json_text = None
    unpacked_size += sum(len(part) for part in decompressor.finish())
    digest = f"sha256:{raw.hexdigest()}"
    unpacked_digest = digest if decompressor.is_plain else f"sha256:{unpacked.hexdigest()}"
    return Blob(member.size, digest, unpacked_size, unpacked_digest, None if json_text is None else bytes(json_text))


def _refuse_duplicate(index: ArchiveIndex, member: Member) -> None:
    if member.name in index.blobs or member.name in index.links:
        raise ArchiveRefused(f"The archive contains {quoted(member.name)} twice; save it again with docker save.")


def _refuse_paths_through_links(index: ArchiveIndex) -> None:
    """Refuse them: Docker would write such a file elsewhere, and load another image than the checked one."""
    for name in [*index.blobs, *index.links]:
        parts = name.split("/")
        if any("/".join(parts[:depth]) in index.links for depth in range(1, len(parts))):
            raise ArchiveRefused(
                f"The path {quoted(name)} leads through a link; save the archive again with docker save."
            )
