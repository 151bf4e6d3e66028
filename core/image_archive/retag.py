"""Renames the image of an archive while it streams into the engine.

`docker load` gives the image the names in the archive, and takes them from the image that had them before. An upload
could so replace another user's base image. Only names change; everything with a digest stays.
"""

import asyncio
import posixpath
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.image_archive.decompress import Decompressor

BLOCK = tarfile.BLOCKSIZE
EXTENSIONS = (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


async def retagged(chunks: AsyncIterator[bytes], tag: str) -> AsyncIterator[bytes]:
    """Yield the archive uncompressed, with `tag` as its only image name; `inspect` must have accepted it."""
    decompressor, rewriter = Decompressor("the archive"), _Rewriter(tag)
    async for chunk in chunks:
        for piece in await asyncio.to_thread(_rewrite, decompressor.feed(chunk), rewriter):
            yield piece
    for piece in await asyncio.to_thread(_rewrite, decompressor.finish(), rewriter):
        yield piece
    yield rewriter.rest()


def _rewrite(unpacked: Iterator[bytes], rewriter: "_Rewriter") -> list[bytes]:
    return [out for piece in unpacked if (out := rewriter.feed(piece))]


@dataclass
class _Rewriter:
    """Passes a tar file on, block by block, and replaces the members with image names."""

    tag: str
    _buffer: bytearray = field(default_factory=bytearray)
    _left: int = 0
    _old_content: bytearray | None = None
    _extensions: bytearray = field(default_factory=bytearray)
    _member: tarfile.TarInfo | None = None

    def feed(self, piece: bytes) -> bytes:
        """Add a piece of input and return the output that is ready."""
        self._buffer += piece
        out = bytearray()
        while self._left or len(self._buffer) >= BLOCK:
            if not self._left:
                self._header(out)
            elif not self._content(out):
                break
        return bytes(out)

    def rest(self) -> bytes:
        """Return the bytes after the last whole block."""
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
            self._old_content, self._member = self._extensions, None
            self._extensions += block
        elif posixpath.normpath(info.name) in REPLACED:
            self._old_content, self._member = bytearray(), info
            self._extensions = bytearray()
            if not self._left:
                self._replace(out)
        else:
            self._old_content, self._member = None, None
            out += self._extensions + block
            self._extensions = bytearray()

    def _content(self, out: bytearray) -> bool:
        taken = self._take(min(self._left, len(self._buffer)))
        self._left -= len(taken)
        if self._old_content is None:
            out += taken
        else:
            self._old_content += taken
        if not self._left and self._member is not None:
            self._replace(out)
        return bool(taken)

    def _replace(self, out: bytearray) -> None:
        member, old_content = self._member, self._old_content
        assert member is not None  # noqa: S101 - set together with `_old_content`
        assert old_content is not None  # noqa: S101
        self._member = None
        content = REPLACED[posixpath.normpath(member.name)](bytes(old_content[: member.size]), self.tag)
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
    """Drop the old list of names."""


REPLACED: dict[str, Callable[[bytes, str], bytes | None]] = {
    "manifest.json": _manifest,
    "index.json": _index,
    "repositories": _dropped,
}
