"""Give an archive's image a name of ours on its way into the engine.

`docker load` gives the image the names that the archive says, and takes them from whatever image had them before: an
upload could so put itself in the place of another's base image. Only names change; all that has a digest stays.
"""

import asyncio
import posixpath
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.image_archive.decompress import Inflater

BLOCK = tarfile.BLOCKSIZE
EXTENSIONS = (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


async def retagged(chunks: AsyncIterator[bytes], tag: str) -> AsyncIterator[bytes]:
    """Give the archive uncompressed, its image named `tag` and nothing else; `inspect` must have accepted it."""
    inflater, rewriter = Inflater("the archive"), _Rewriter(tag)
    async for chunk in chunks:
        for piece in await asyncio.to_thread(_pieces, inflater.feed(chunk), rewriter):
            yield piece
    for piece in await asyncio.to_thread(_pieces, inflater.finish(), rewriter):
        yield piece
    yield rewriter.rest()


def _pieces(unpacked: Iterator[bytes], rewriter: "_Rewriter") -> list[bytes]:
    return [out for piece in unpacked if (out := rewriter.feed(piece))]


@dataclass
class _Rewriter:
    """Passes a tar file on, block by block, and replaces the members that name images."""

    tag: str
    _buffer: bytearray = field(default_factory=bytearray)
    _left: int = 0
    _kept: bytearray | None = None
    _extensions: bytearray = field(default_factory=bytearray)
    _member: tarfile.TarInfo | None = None

    def feed(self, piece: bytes) -> bytes:
        """Take in a piece and give what can be passed on."""
        self._buffer += piece
        out = bytearray()
        while self._left or len(self._buffer) >= BLOCK:
            if not self._left:
                self._header(out)
            elif not self._content(out):
                break
        return bytes(out)

    def rest(self) -> bytes:
        """Give what is behind the last whole block."""
        return bytes(self._buffer)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _header(self, out: bytearray) -> None:
        block = self._take(BLOCK)
        if not block.strip(b"\0"):
            out += block
            return
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
        size = info.size if info.isreg() or info.type in EXTENSIONS else 0
        self._left = size + -size % BLOCK
        if info.type in EXTENSIONS:
            self._kept, self._member = self._extensions, None
            self._extensions += block
        elif posixpath.normpath(info.name) in REPLACED:
            self._kept, self._member = bytearray(), info
            self._extensions = bytearray()
            if not self._left:
                self._replace(out)
        else:
            self._kept, self._member = None, None
            out += self._extensions + block
            self._extensions = bytearray()

    def _content(self, out: bytearray) -> bool:
        taken = self._take(min(self._left, len(self._buffer)))
        self._left -= len(taken)
        if self._kept is None:
            out += taken
        else:
            self._kept += taken
        if not self._left and self._member is not None:
            self._replace(out)
        return bool(taken)

    def _replace(self, out: bytearray) -> None:
        member, kept = self._member, self._kept
        assert member is not None  # noqa: S101 - set together with what is kept
        assert kept is not None  # noqa: S101
        self._member = None
        content = REPLACED[posixpath.normpath(member.name)](bytes(kept[: member.size]), self.tag)
        if content is not None:
            member.size = len(content)
            out += member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % BLOCK)


def _manifest(content: bytes, tag: str) -> bytes:
    images: list[dict[str, Any]] = orjson.loads(content)
    return orjson.dumps([_without(image, "repotags") | {"RepoTags": [tag]} for image in images])


def _index(content: bytes, tag: str) -> bytes:
    index: dict[str, Any] = orjson.loads(content)
    for manifest in index.get("manifests", []):
        annotations = {key: value for key, value in (manifest.get("annotations") or {}).items() if key not in NAMES}
        name, _, version = tag.rpartition(":")
        manifest["annotations"] = annotations | {NAMES[0]: f"docker.io/{name}:{version}", NAMES[1]: version}
    return orjson.dumps(index)


def _without(image: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in image.items() if key.lower() != name}


def _dropped(content: bytes, tag: str) -> None:
    """Leave the old list of names out."""


REPLACED: dict[str, Callable[[bytes, str], bytes | None]] = {
    "manifest.json": _manifest,
    "index.json": _index,
    "repositories": _dropped,
}
