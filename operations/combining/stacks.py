"""A stack: the same rows of many frames, one above the other, masked pixels as NaN."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.frames.bands import Band
from operations.frames.images import Image
from operations.frames.planes import Plane, Reader


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
        layer[:] = reader.rows(image.science, band.start, band.stop)[:, :width]
        if masks and image.mask is not None:
            layer[bad_pixels(reader, image.mask, band, width)] = np.nan
    return stack


def bad_pixels(reader: Reader, mask: Plane, band: Band, width: int) -> NDArray[np.bool_]:
    """Return where a mask plane calls the pixels bad: where it is not 0."""
    bad: NDArray[np.bool_] = reader.rows(mask, band.start, band.stop)[:, :width] != 0
    return bad


def read_variance(reader: Reader, image: Image, band: Band, width: int, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the variance of `pixels` of a noisy image: from its own plane, or from gain and read noise."""
    if image.error is not None:
        error = reader.rows(image.error, band.start, band.stop)[:, :width].astype(pixels.dtype, copy=False)
        return error if image.error_is_variance else error * error
    gain, noise = image.facts.gain or 1.0, image.facts.read_noise or 0.0
    return np.maximum(pixels, 0) / pixels.dtype.type(gain) + pixels.dtype.type((noise / gain) ** 2)
