"""Incremental decompression of gzip and xz in pieces of bounded size; the index and the retagging use it."""

import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from core.image_archive.limits import ArchiveRefused

MAX_PIECE_BYTES = 1 << 20
SLICE_BYTES = 64 << 10  # The input of one codec call: the codec copies unused input at every call.
XZ_MEMORY = 160 << 20
MAX_MAGIC_LENGTH = 6
UNSUPPORTED = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"7z\xbc\xaf\x27\x1c": "7-Zip"}


class Codec(Protocol):
    """A compressed stream, with the interface of `lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool:
        """Whether the stream is complete."""

    @property
    def needs_input(self) -> bool:
        """Whether more output requires more input."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompress `data` and return at most `max_length` bytes."""


class Gzip:
    """A gzip member with the interface of `Codec`."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the member is complete and its checksum verified."""
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        """Whether more output requires more input."""
        return not self._full and not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end of the member."""
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompress `data` and return at most `max_length` bytes."""
        piece = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


def _xz() -> Codec:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


CODECS: dict[bytes, Callable[[], Codec]] = {b"\x1f\x8b": Gzip, b"\xfd7zXZ\x00": _xz}


class Decompressor:
    """Decompresses one file: plain, gzip (one or more members) or xz (one or more streams), detected by content."""

    def __init__(self, subject: str) -> None:
        """Decompress the file that error messages call `subject`, such as "the archive"."""
        self._subject = subject
        self._head: bytes | None = b""
        self._codec_type: Callable[[], Codec] | None = None
        self._codec: Codec | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the content is not compressed; valid once all input was fed."""
        return self._codec_type is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed bytes of `data` in pieces of at most MAX_PIECE_BYTES."""
        if self._head is not None:
            data, self._head = self._head + data, None
            if len(data) < MAX_MAGIC_LENGTH:
                self._head = data
                return
            self._recognize(data)
        yield from self._pieces(data)

    def finish(self) -> Iterator[bytes]:
        """Yield the rest after the last input; refuse a truncated file."""
        if self._head:
            head, self._head = self._head, None
            self._recognize(head)
            yield from self._pieces(head)
        if self._codec is not None and not self._codec.eof:
            raise ArchiveRefused(f"{self._subject[0].upper()}{self._subject[1:]} ends too early; upload it again.")

    def _recognize(self, head: bytes) -> None:
        for magic, name in UNSUPPORTED.items():
            if head.startswith(magic):
                raise ArchiveRefused(f"The compression of {self._subject} is {name}; use gzip or xz instead.")
        self._codec_type = next((codec for magic, codec in CODECS.items() if head.startswith(magic)), None)
        self._codec = self._codec_type() if self._codec_type else None

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        slice_bytes = MAX_PIECE_BYTES if self.is_plain else SLICE_BYTES
        for at in range(0, len(data), slice_bytes):
            part = data[at : at + slice_bytes]
            if self._codec_type is None or self._codec is None:
                yield part
            else:
                yield from self._unpack(self._codec_type, self._codec, part)

    def _unpack(self, codec_type: Callable[[], Codec], codec: Codec, data: bytes) -> Iterator[bytes]:
        """Decompress `data` with `codec`, and with a new codec after each stream; zeros between streams are skipped."""
        while data or not (codec.needs_input or codec.eof):
            if codec.eof:
                data = data.lstrip(b"\0")
                if not data:
                    return
                codec = self._codec = codec_type()
            piece = self._step(codec, data)
            data = codec.unused_data if codec.eof else b""
            if piece:
                yield piece

    def _step(self, codec: Codec, data: bytes) -> bytes:
        try:
            return codec.decompress(data, MAX_PIECE_BYTES)
        except (zlib.error, lzma.LZMAError, EOFError, MemoryError) as error:
            raise ArchiveRefused(f"The compression of {self._subject} is damaged; upload it again.") from error
