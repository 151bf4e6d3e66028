"""One frame at a time: its good pixels and their variance, whole or by bands."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.framework.context import Stage
from operations.science.combination.stacks import read_good, read_variance, working_type
from operations.science.frames.bands import Band, each_band, plan, tile_rows
from operations.science.frames.images import Image, header_of
from operations.science.frames.planes import Reader
from operations.science.frames.product import Product

Change = Callable[[Band, NDArray[Any], NDArray[Any] | None], None]
COPIES = 6


def changed(
    image: Image,
    change: Change,
    stage: Stage,
    shape: tuple[int, int] | None = None,
    *,
    noisy: bool = True,
    before: Callable[[Band, NDArray[Any]], None] | None = None,
) -> Product:
    """Return an image whose good pixels and variances, band by band, `change` has changed in place.

    Bad pixels are NaN; there are no variances where the frame does not tell its noise, or where they are not wanted.
    `before` changes pixels whose noise is only told afterwards.
    """
    height, width = shape or image.shape
    kind = working_type([image])
    pixels = np.empty((height, width), kind)
    error = np.empty_like(pixels) if image.noisy and noisy else None

    def task(band: Band) -> None:
        rows = read_good(reader, image, band, width, kind)
        if before is not None:
            before(band, rows)
        variance = None if error is None else read_variance(reader, image, band, width, rows)
        change(band, rows, variance)
        pixels[band.rows] = rows
        if error is not None and variance is not None:
            error[band.rows] = np.sqrt(variance)

    with Reader() as reader:
        each_band(plan(height, width * kind.itemsize * COPIES, tile_rows([image])), task, stage)
    bad = np.isnan(pixels)
    return Product(pixels, header_of(image), error, bad if bad.any() else None)
