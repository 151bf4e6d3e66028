"""Reads stacks: the same rows of many frames, with masked pixels as NaN."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.science.frames.bands import Band
from operations.science.frames.images import Image
from operations.science.frames.planes import Plane, PlaneReader


def working_dtype(images: Sequence[Image]) -> np.dtype[Any]:
    """Return the floating type that represents the pixels of all images exactly: float32 to 16 bits, else float64."""
    types = [image.science.dtype for image in images]
    narrow = all(dtype == np.float32 or (dtype.kind in "iu" and dtype.itemsize <= 2) for dtype in types)
    return np.dtype("f4" if narrow else "f8")


def read_stack(
    reader: PlaneReader, images: Sequence[Image], band: Band, width: int, dtype: np.dtype[Any], *, masks: bool = True
) -> NDArray[Any]:
    """Return the rows of all images, the leftmost `width` columns; masked pixels become NaN."""
    stack = np.empty((len(images), band.height, width), dtype=dtype)
    for layer, image in zip(stack, images, strict=True):
        layer[:] = read_pixels(reader, image, image.science, band, width)
        if masks and image.mask is not None:
            layer[read_pixels(reader, image, image.mask, band, width) != 0] = np.nan
    return stack


def read_pixels(reader: PlaneReader, image: Image, plane: Plane, band: Band, width: int) -> NDArray[Any]:
    """Return the rows of one plane of an image, counted from its corner."""
    row, column = image.corner
    return reader.rows(plane, row + band.start, row + band.stop)[:, column : column + width]


def read_good(reader: PlaneReader, image: Image, band: Band, width: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the rows of one image, with masked pixels as NaN."""
    return read_stack(reader, [image], band, width, dtype)[0]


def read_variance(reader: PlaneReader, image: Image, band: Band, width: int, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the variance of `pixels`, from the uncertainty plane of the image or from gain and read noise."""
    if image.error is not None:
        error = read_pixels(reader, image, image.error, band, width).astype(pixels.dtype, copy=False)
        return error if image.error_is_variance else error * error
    gain, noise = image.metadata.gain or 1.0, image.metadata.read_noise or 0.0
    reading = pixels.dtype.type((noise / gain) ** 2)
    if not image.has_photon_noise:
        return np.full_like(pixels, reading)
    return np.maximum(pixels, 0) / pixels.dtype.type(gain) + reading
