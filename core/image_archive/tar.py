"""A tar file read front to back from a stream, holding one block at a time; `tarfile` decodes the headers."""

import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.image_archive.limits import ArchiveLimits, ArchiveRefused, shown

BLOCK = tarfile.BLOCKSIZE
EXTENSION_BYTES = 8 << 10
LONGEST_PATH = 1024
TRUNCATED = "The archive ends too early; upload it again."
DAMAGED = "The archive is damaged; upload it again."
NOT_A_TAR = "The file is not a tar archive; upload the output of docker save."


class Kind(StrEnum):
    """What a member of the archive is."""

    FILE = "file"
    FOLDER = "folder"
    HARD_LINK = "hard link"
    SYMBOLIC_LINK = "symbolic link"


KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.CONTTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.LNKTYPE: Kind.HARD_LINK,
    tarfile.SYMTYPE: Kind.SYMBOLIC_LINK,
}


@dataclass(frozen=True)
class Member:
    """One entry: its normal path, and for a link the normal path that it points to."""

    name: str
    kind: Kind
    size: int
    target: str = ""


class Tar:
    """Walks the members of a tar file; the content of a member is read before the next one is asked for, or skipped."""

    def __init__(self, pieces: Iterator[bytes], limits: ArchiveLimits) -> None:
        """Read the tar file that arrives as `pieces`."""
        self._pieces = pieces
        self._limits = limits
        self._piece = b""
        self._at = 0
        self._content = 0
        self._padding = 0
        self._headers = 0

    def members(self) -> Iterator[Member]:
        """Give each member in turn; refuse what is not a complete and safe archive."""
        while header := self._header():
            yield self._member(header)
            for _ in self.content():
                pass
        self._end()

    def content(self) -> Iterator[bytes]:
        """Give what is left of the content of the present member."""
        while self._content:
            piece = self._some(self._content)
            self._content -= len(piece)
            yield piece
        padding, self._padding = self._padding, 0
        self._exactly(padding)

    def _header(self) -> tarfile.TarInfo | None:
        """Give the next real header, extended by those before it; None at the end of the archive."""
        extended: dict[str, str] = {}
        while info := self._block():
            if info.type == tarfile.XHDTYPE:
                extended |= _records(self._extension(info))
            elif info.type == tarfile.GNUTYPE_LONGNAME:
                extended["path"] = _text(self._extension(info))
            elif info.type == tarfile.GNUTYPE_LONGLINK:
                extended["linkpath"] = _text(self._extension(info))
            elif info.type == tarfile.XGLTYPE:
                self._extension(info)
            else:
                return _extend(info, extended)
        if extended:
            raise ArchiveRefused(DAMAGED)
        return None

    def _block(self) -> tarfile.TarInfo | None:
        """Give the header in the next block; None for the zeros that end the archive."""
        block = self._exactly(BLOCK)
        if not block.strip(b"\0"):
            return None
        self._headers += 1
        if self._headers > self._limits.members:
            most = self._limits.members
            raise ArchiveRefused(f"The archive holds more than {most} files; save exactly one image in it.")
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
        except (tarfile.HeaderError, ValueError) as error:
            raise ArchiveRefused(NOT_A_TAR if self._headers == 1 else DAMAGED) from error
        if info.size < 0:
            raise ArchiveRefused(DAMAGED)
        return info

    def _extension(self, info: tarfile.TarInfo) -> bytes:
        if info.size > EXTENSION_BYTES:
            raise ArchiveRefused("The archive holds a file name that is too long; save it again with docker save.")
        return self._exactly(info.size + -info.size % BLOCK)[: info.size]

    def _member(self, info: tarfile.TarInfo) -> Member:
        kind = KINDS.get(info.type)
        if kind is None:
            raise ArchiveRefused(
                f"The archive holds {shown(info.name)}, a special file; save it again with docker save."
            )
        self._content = info.size if kind is Kind.FILE else 0
        self._padding = -self._content % BLOCK
        name = safe(info.name)
        if kind is Kind.HARD_LINK:
            return Member(name, kind, 0, safe(info.linkname))
        if kind is Kind.SYMBOLIC_LINK:
            return Member(name, kind, 0, safe(info.linkname, posixpath.dirname(name)))
        return Member(name, kind, self._content)

    def _end(self) -> None:
        """Read on behind the end, so that a checksum there is verified; only zeros may follow."""
        if self._piece[self._at :].strip(b"\0") or any(piece.strip(b"\0") for piece in self._pieces):
            raise ArchiveRefused("Something follows the end of the archive; save it again with docker save.")

    def _some(self, most: int) -> bytes:
        """Give at least one and at most `most` bytes."""
        if self._at == len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
        if not self._piece:
            raise ArchiveRefused(TRUNCATED if self._headers else NOT_A_TAR)
        part = self._piece[self._at : self._at + most]
        self._at += len(part)
        return part

    def _exactly(self, count: int) -> bytes:
        """Give `count` bytes, which are few."""
        parts = []
        while count:
            parts.append(self._some(count))
            count -= len(parts[-1])
        return b"".join(parts)


def safe(path: str, folder: str = "") -> str:
    """Give the normal form of a path in the archive, seen from `folder`; refuse one that leaves the archive."""
    normal = posixpath.normpath(posixpath.join(folder, path))
    if not 0 < len(path) <= LONGEST_PATH or "\0" in path or normal.startswith("/") or normal.split("/")[0] == "..":
        raise ArchiveRefused(f"The archive holds the unsafe path {shown(path)}; save it again with docker save.")
    return normal


def _extend(info: tarfile.TarInfo, extended: dict[str, str]) -> tarfile.TarInfo:
    """Apply what extension headers said; POSIX and GNU use them for long names, large sizes and sparse files."""
    if any(key.startswith("GNU.sparse.") for key in extended):
        raise ArchiveRefused("The archive holds a sparse file; save it again with docker save.")
    info.name = extended.get("path", info.name)
    info.linkname = extended.get("linkpath", info.linkname)
    size = extended.get("size")
    if size is not None:
        if not (size.isascii() and size.isdigit() and len(size) < 20):
            raise ArchiveRefused(DAMAGED)
        info.size = int(size)
    return info


def _text(content: bytes) -> str:
    return content.split(b"\0", 1)[0].decode("utf-8", "replace")


def _records(content: bytes) -> dict[str, str]:
    """Parse the records of a POSIX extended header: `LENGTH KEY=VALUE` and a newline each, the length of all of it."""
    records: dict[str, str] = {}
    while content:
        length, space, _ = content[:8].partition(b" ")
        if not (space and length.isdigit()):
            raise ArchiveRefused(DAMAGED)
        record, content = content[: int(length)], content[int(length) :]
        key, equals, value = record[len(length) + 1 : -1].partition(b"=")
        if not (key and equals and len(record) == int(length) and record.endswith(b"\n")):
            raise ArchiveRefused(DAMAGED)
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    return records
