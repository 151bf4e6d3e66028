"""Applies a function to the good pixels and variances of one frame, by bands."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.framework.context import SubProgress
from operations.science.combination.stacks import read_good, read_variance, working_dtype
from operations.science.frames.bands import Band, for_each_band, max_tile_rows, plan_bands
from operations.science.frames.images import Image, read_header
from operations.science.frames.planes import PlaneReader
from operations.science.frames.product import Product

Change = Callable[[Band, NDArray[Any], NDArray[Any] | None], None]
BAND_COPIES = 6


def apply_by_bands(
    image: Image,
    change: Change,
    progress: SubProgress,
    shape: tuple[int, int] | None = None,
    *,
    with_uncertainty: bool = True,
    prepare: Callable[[Band, NDArray[Any]], None] | None = None,
) -> Product:
    """Return an image whose good pixels and variances `change` has modified in place, band by band.

    Bad pixels are NaN. There are no variances if the noise of the frame is unknown or `with_uncertainty` is false.
    `prepare` modifies the pixels before their variance is computed.
    """
    height, width = shape or image.shape
    dtype = working_dtype([image])
    pixels = np.empty((height, width), dtype)
    error = np.empty_like(pixels) if image.has_uncertainty and with_uncertainty else None

    def task(band: Band) -> None:
        rows = read_good(reader, image, band, width, dtype)
        if prepare is not None:
            prepare(band, rows)
        variance = None if error is None else read_variance(reader, image, band, width, rows)
        change(band, rows, variance)
        pixels[band.rows] = rows
        if error is not None and variance is not None:
            error[band.rows] = np.sqrt(variance)

    with PlaneReader() as reader:
        for_each_band(plan_bands(height, width * dtype.itemsize * BAND_COPIES, max_tile_rows([image])), task, progress)
    bad = np.isnan(pixels)
    return Product(pixels, read_header(image), error, bad if bad.any() else None)
