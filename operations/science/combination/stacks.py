"""A stack: the same rows of many frames, one above the other, masked pixels as NaN."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.science.frames.bands import Band
from operations.science.frames.images import Image
from operations.science.frames.planes import Plane, Reader


def working_type(images: Sequence[Image]) -> np.dtype[Any]:
    """Return the floating type that holds the pixels of all images exactly: float32 up to 16 bits, else float64."""
    types = [image.science.dtype for image in images]
    narrow = all(kind == np.float32 or (kind.kind in "iu" and kind.itemsize <= 2) for kind in types)
    return np.dtype("f4" if narrow else "f8")


def read_stack(
    reader: Reader, images: Sequence[Image], band: Band, width: int, kind: np.dtype[Any], *, masks: bool = True
) -> NDArray[Any]:
    """Return the rows of all images, the leftmost `width` columns; what a mask calls bad becomes NaN."""
    stack = np.empty((len(images), band.height, width), dtype=kind)
    for layer, image in zip(stack, images, strict=True):
        layer[:] = read_pixels(reader, image, image.science, band, width)
        if masks and image.mask is not None:
            layer[read_pixels(reader, image, image.mask, band, width) != 0] = np.nan
    return stack


def read_pixels(reader: Reader, image: Image, plane: Plane, band: Band, width: int) -> NDArray[Any]:
    """Return the rows of one plane of an image, from its corner on."""
    row, column = image.corner
    return reader.rows(plane, row + band.start, row + band.stop)[:, column : column + width]


def read_good(reader: Reader, image: Image, band: Band, width: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the rows of one image, what its mask calls bad as NaN."""
    return read_stack(reader, [image], band, width, kind)[0]


def read_variance(reader: Reader, image: Image, band: Band, width: int, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the variance of `pixels` of a noisy image: from its own plane, or from gain and read noise."""
    if image.error is not None:
        error = read_pixels(reader, image, image.error, band, width).astype(pixels.dtype, copy=False)
        return error if image.error_is_variance else error * error
    gain, noise = image.facts.gain or 1.0, image.facts.read_noise or 0.0
    reading = pixels.dtype.type((noise / gain) ** 2)
    if not image.lit:
        return np.full_like(pixels, reading)
    return np.maximum(pixels, 0) / pixels.dtype.type(gain) + reading
