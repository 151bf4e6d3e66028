"""Reads a tar file from a stream, one block at a time; `tarfile` decodes the headers."""

import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.image_archive.limits import ArchiveLimits, ArchiveRefused, quoted

BLOCK = tarfile.BLOCKSIZE
EXTENSION_BYTES = 8 << 10
MAX_PATH_LENGTH = 1024
TRUNCATED = "The archive ends too early; upload it again."
DAMAGED = "The archive is damaged; upload it again."
NOT_A_TAR = "The file is not a tar archive; upload the output of docker save."


class MemberKind(StrEnum):
    """The type of a member."""

    FILE = "file"
    FOLDER = "folder"
    HARD_LINK = "hard link"
    SYMBOLIC_LINK = "symbolic link"


KINDS = {
    tarfile.REGTYPE: MemberKind.FILE,
    tarfile.AREGTYPE: MemberKind.FILE,
    tarfile.CONTTYPE: MemberKind.FILE,
    tarfile.DIRTYPE: MemberKind.FOLDER,
    tarfile.LNKTYPE: MemberKind.HARD_LINK,
    tarfile.SYMTYPE: MemberKind.SYMBOLIC_LINK,
}


@dataclass(frozen=True)
class Member:
    """A member: its normalised path, and for a link the normalised path of its target."""

    name: str
    kind: MemberKind
    size: int
    target: str = ""


class TarReader:
    """Iterates over the members of a tar file. Unread content of a member is skipped."""

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
        """Yield each member; refuse an archive that is incomplete or unsafe."""
        while header := self._header():
            yield self._member(header)
            for _ in self.content():
                pass
        self._end()

    def content(self) -> Iterator[bytes]:
        """Yield the rest of the current member's content."""
        while self._content:
            piece = self._some(self._content)
            self._content -= len(piece)
            yield piece
        padding, self._padding = self._padding, 0
        self._exactly(padding)

    def _header(self) -> tarfile.TarInfo | None:
        """Return the next member's header with its extension headers applied; None at the end of the archive."""
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
        """Return the header in the next block; None for a block of zeros, which ends the archive."""
        block = self._exactly(BLOCK)
        if not block.strip(b"\0"):
            return None
        self._headers += 1
        if self._headers > self._limits.members:
            raise ArchiveRefused(
                f"The archive holds more than {self._limits.members} files; save exactly one image in it."
            )
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
                f"The archive holds {quoted(info.name)}, a special file; save it again with docker save."
            )
        self._content = info.size if kind is MemberKind.FILE else 0
        # Content is padded to whole blocks.
        self._padding = -self._content % BLOCK
        name = safe_path(info.name)
        if kind is MemberKind.HARD_LINK:
            return Member(name, kind, 0, safe_path(info.linkname))
        if kind is MemberKind.SYMBOLIC_LINK:
            return Member(name, kind, 0, safe_path(info.linkname, posixpath.dirname(name)))
        return Member(name, kind, self._content)

    def _end(self) -> None:
        """Read past the end, which verifies the compression's checksum; only zeros may follow."""
        if self._piece[self._at :].strip(b"\0") or any(piece.strip(b"\0") for piece in self._pieces):
            raise ArchiveRefused("Something follows the end of the archive; save it again with docker save.")

    def _some(self, limit: int) -> bytes:
        """Return at least one and at most `limit` bytes."""
        if self._at == len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
        if not self._piece:
            raise ArchiveRefused(TRUNCATED if self._headers else NOT_A_TAR)
        part = self._piece[self._at : self._at + limit]
        self._at += len(part)
        return part

    def _exactly(self, count: int) -> bytes:
        """Return `count` bytes; for small counts."""
        parts = []
        while count:
            parts.append(self._some(count))
            count -= len(parts[-1])
        return b"".join(parts)


def safe_path(path: str, folder: str = "") -> str:
    """Return the normalised path relative to `folder`; refuse one that leaves the archive."""
    normal = posixpath.normpath(posixpath.join(folder, path))
    if not 0 < len(path) <= MAX_PATH_LENGTH or "\0" in path or normal.startswith("/") or normal.split("/")[0] == "..":
        raise ArchiveRefused(f"The archive holds the unsafe path {quoted(path)}; save it again with docker save.")
    return normal


def _extend(info: tarfile.TarInfo, extended: dict[str, str]) -> tarfile.TarInfo:
    """Apply extension headers; POSIX and GNU use them for long names, large sizes and sparse files."""
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
    """Parse POSIX extended headers: `LENGTH KEY=VALUE` and a newline; LENGTH counts the whole record."""
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
