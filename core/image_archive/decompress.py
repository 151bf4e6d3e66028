"""Incremental unpacking of gzip and xz, in bounded pieces, whatever the input claims."""

import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from core.image_archive.limits import ArchiveRefused

PIECE = 1 << 20
SLICE = 64 << 10  # Input given to a codec at once; it copies the rest of it at every call.
XZ_MEMORY = 160 << 20
LONGEST_MAGIC = 6
UNSUPPORTED = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"7z\xbc\xaf\x27\x1c": "7-Zip"}


class Codec(Protocol):
    """One compressed stream, in the manner of `lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool:
        """Tell whether the stream is complete."""

    @property
    def needs_input(self) -> bool:
        """Tell whether nothing more comes out before something goes in."""

    @property
    def unused_data(self) -> bytes:
        """Give what followed the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take in `data` and give at most `max_length` bytes."""


class Gzip:
    """A gzip member with the interface of `Codec`."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._full = False

    @property
    def eof(self) -> bool:
        """Tell whether the member is complete, its checksum verified."""
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        """Tell whether nothing more comes out before something goes in."""
        return not self._full and not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """Give what followed the end of the member."""
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take in `data` and give at most `max_length` bytes."""
        piece = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


def _xz() -> Codec:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


CODECS: dict[bytes, Callable[[], Codec]] = {b"\x1f\x8b": Gzip, b"\xfd7zXZ\x00": _xz}


class Inflater:
    """Unpacks one file: plain, gzip (of one or many members) or xz (of one or many streams), told apart by content."""

    def __init__(self, what: str) -> None:
        """Unpack `what`, as the sentence that refuses it calls it: "the archive"."""
        self._what = what
        self._head: bytes | None = b""
        self._new: Callable[[], Codec] | None = None
        self._codec: Codec | None = None

    @property
    def plain(self) -> bool:
        """Tell whether the content is not compressed; known once all was fed."""
        return self._new is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in `data`; give what it unpacks to, in pieces of at most 1 MiB."""
        if self._head is not None:
            data, self._head = self._head + data, None
            if len(data) < LONGEST_MAGIC:
                self._head = data
                return
            self._recognize(data)
        yield from self._pieces(data)

    def finish(self) -> Iterator[bytes]:
        """Say that the input is over; refuse it if it should have gone on."""
        if self._head:
            head, self._head = self._head, None
            self._recognize(head)
            yield from self._pieces(head)
        if self._codec is not None and not self._codec.eof:
            raise ArchiveRefused(f"{self._what[0].upper()}{self._what[1:]} ends too early; upload it again.")

    def _recognize(self, head: bytes) -> None:
        for magic, name in UNSUPPORTED.items():
            if head.startswith(magic):
                raise ArchiveRefused(f"The compression of {self._what} is {name}; use gzip or xz instead.")
        self._new = next((codec for magic, codec in CODECS.items() if head.startswith(magic)), None)
        self._codec = self._new() if self._new else None

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        slice_bytes = PIECE if self.plain else SLICE
        for at in range(0, len(data), slice_bytes):
            part = data[at : at + slice_bytes]
            if self._new is None or self._codec is None:
                yield part
            else:
                yield from self._unpack(self._new, self._codec, part)

    def _unpack(self, new: Callable[[], Codec], codec: Codec, data: bytes) -> Iterator[bytes]:
        """Unpack `data` with `codec` and, where a stream ends, with new ones; zeros between streams are padding."""
        while data or not (codec.needs_input or codec.eof):
            if codec.eof:
                data = data.lstrip(b"\0")
                if not data:
                    return
                codec = self._codec = new()
            piece = self._step(codec, data)
            data = codec.unused_data if codec.eof else b""
            if piece:
                yield piece

    def _step(self, codec: Codec, data: bytes) -> bytes:
        try:
            return codec.decompress(data, PIECE)
        except (zlib.error, lzma.LZMAError, EOFError, MemoryError) as error:
            raise ArchiveRefused(f"The compression of {self._what} is damaged; upload it again.") from error
