"""Planes: single images of a file, of which any rows can be read without the rest."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from core.errors import BadInput
from operations.science.frames.fits_open import open_quietly, translate_errors

MAX_OPEN_FILES = 256
STORED_DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Plane:
    """The position of an image in its file, and the type of its pixels after BSCALE and BZERO.

    `tile_rows` is the number of rows compressed together; 0 if the image is not compressed and rows are read as bytes.
    """

    path: Path
    basename: str
    index: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    bitpix: int
    offset: int
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None
    tile_rows: int = 0

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one row in memory."""
        return self.shape[1] * self.dtype.itemsize


def describe_plane(hdu: Any, index: int, path: Path, basename: str) -> Plane:
    """Describe the image of an open HDU; BadInput unless it has two axes, apart from axes of length 1."""
    lengths = [length for length in hdu.shape if length != 1] if len(hdu.shape) > 2 else list(hdu.shape)
    if len(lengths) != 2 or min(lengths) < 1:
        raise BadInput(f"{basename} has an image of {len(hdu.shape)} axes; it must have two.")
    header = hdu.header
    compressed = isinstance(hdu, fits.CompImageHDU)
    if compressed and len(hdu.shape) > 2:
        raise BadInput(f"{basename} has a compressed image of {len(hdu.shape)} axes; it must have two.")
    bitpix, scale, zero = int(header["BITPIX"]), float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    blank = int(header["BLANK"]) if "BLANK" in header and bitpix > 0 else None
    return Plane(
        path=path,
        basename=basename,
        index=index,
        shape=(lengths[0], lengths[1]),
        dtype=physical_dtype(bitpix, scale, zero, blank is not None),
        bitpix=bitpix,
        offset=0 if compressed else hdu.fileinfo()["datLoc"],
        scale=scale,
        zero=zero,
        blank=blank,
        tile_rows=int(hdu.tile_shape[0]) if compressed else 0,
    )


def physical_dtype(bitpix: int, scale: float, zero: float, blanks: bool) -> np.dtype[Any]:
    """Return the type of scaled pixels: signed and unsigned integers are kept, all others become floats."""
    if bitpix < 0:
        return np.dtype(f"f{-bitpix // 8}")
    if scale == 1 and not blanks:
        if zero == 0:
            return np.dtype("u1" if bitpix == 8 else f"i{bitpix // 8}")
        if bitpix == 8 and zero == -128:
            return np.dtype("i1")
        if bitpix > 8 and zero == 2.0 ** (bitpix - 1):
            return np.dtype(f"u{bitpix // 8}")
    return np.dtype("f4" if bitpix <= 16 else "f8")


class PlaneReader:
    """Reads rows of planes from several threads, with a limited number of open files.

    Rows of uncompressed images are read as bytes, without an open file. Compressed files stay open up to the limit, as
    opening one costs more than reading a band of it; those beyond the limit are opened for each read.
    """

    def __init__(self, max_open: int = MAX_OPEN_FILES) -> None:
        """Keep at most `max_open` files open."""
        self._max_open = max_open
        self._open: dict[Path, tuple[fits.HDUList, threading.Lock]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the open files."""
        with self._lock:
            for file, _ in self._open.values():
                file.close()
            self._open.clear()

    @property
    def open_files(self) -> int:
        """Return the number of open files."""
        return len(self._open)

    def rows(self, plane: Plane, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return the scaled rows `start` to `stop` in native byte order; BadInput if the file cannot be read."""
        stop = plane.shape[0] if stop is None else stop
        with translate_errors(plane.basename):
            if not plane.tile_rows:
                return _read_uncompressed(plane, start, stop)
            with self._file(plane.path) as file:
                pixels = file[plane.index].section[start:stop, :]
            return np.ascontiguousarray(pixels, dtype=plane.dtype)

    @contextmanager
    def _file(self, path: Path) -> Iterator[fits.HDUList]:
        with self._lock:
            if path not in self._open and len(self._open) < self._max_open:
                self._open[path] = (open_quietly(path), threading.Lock())
            cached = self._open.get(path)
            file = cached[0] if cached else open_quietly(path)
        try:
            # astropy's file objects are not thread-safe, so a shared one has a lock of its own.
            with cached[1] if cached else nullcontext():
                yield file
        finally:
            if not cached:
                file.close()


def _read_uncompressed(plane: Plane, start: int, stop: int) -> NDArray[Any]:
    stored = np.dtype(STORED_DTYPES[plane.bitpix])
    width = plane.shape[1]
    at = plane.offset + start * width * stored.itemsize
    pixels = np.fromfile(plane.path, dtype=stored, count=(stop - start) * width, offset=at)
    if pixels.size < (stop - start) * width:
        raise BadInput(f"{plane.basename} is truncated. Upload it again.")
    return _to_physical(plane, pixels.reshape(stop - start, width))


def _to_physical(plane: Plane, stored: NDArray[Any]) -> NDArray[Any]:
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    # FITS stores unsigned integers as signed ones with an offset of half the range: flip the highest bit.
    if plane.dtype.kind == "u" and plane.bitpix > 8:
        return native.view(plane.dtype) ^ plane.dtype.type(1 << (plane.bitpix - 1))
    if plane.dtype.kind == "i" and plane.bitpix == 8:
        return (native ^ np.uint8(128)).view(np.int8)
    if plane.scale == 1 and plane.zero == 0 and plane.blank is None:
        return native
    pixels = native.astype(plane.dtype)
    if plane.scale != 1:
        pixels *= plane.scale
    if plane.zero != 0:
        pixels += plane.zero
    if plane.blank is not None:
        pixels[native == plane.blank] = np.nan
    return pixels
