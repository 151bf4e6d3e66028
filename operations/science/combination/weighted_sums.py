"""Weighted sums of many frames, with one frame at a time in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from operations.science.combination.rules import Floats
from operations.science.combination.stack_settings import FrameScaling, StackSettings
from operations.science.combination.stacks import read_good, read_variance
from operations.science.frames.bands import Band
from operations.science.frames.images import Image
from operations.science.frames.planes import PlaneReader

Prepare: TypeAlias = Callable[[Image, Band, NDArray[Any]], None]


@dataclass
class PixelSums:
    """The sums for rows of an image: weighted values, weights (one number if no value is missing) and variances."""

    total: Floats
    weight: Floats | float
    variance: Floats | None

    def add(self, layer: NDArray[Any], noise: NDArray[Any] | None, scaling: FrameScaling) -> None:
        """Add a scaled frame and its variance before scaling; NaN are ignored."""
        good = ~np.isnan(layer) if layer.size and np.isnan(np.min(layer)) else None
        values = layer if good is None else np.where(good, layer, 0)
        self.total += values if scaling.weight == 1 else values * np.float64(scaling.weight)
        self.weight = self.weight + (scaling.weight if good is None else good * np.float64(scaling.weight))
        if self.variance is not None and noise is not None:
            counted = noise if good is None else np.where(good, noise, 0)
            self.variance += counted * np.float64((scaling.weight * scaling.scale) ** 2)


def sum_frames(
    reader: PlaneReader,
    images: Sequence[Image],
    settings: StackSettings,
    band: Band,
    layout: tuple[int, np.dtype[Any]],
    *,
    with_uncertainty: bool,
    prepare: Prepare | None = None,
) -> PixelSums:
    """Return the sums over all images of the rows of a band; `layout` is the width and the type of the pixels."""
    width, dtype = layout
    shape = (band.height, width)
    sums = PixelSums(np.zeros(shape), 0.0, np.zeros(shape) if with_uncertainty else None)
    for image, scaling in zip(images, settings.scalings, strict=True):
        layer = read_good(reader, image, band, width, dtype)
        if prepare is not None:
            prepare(image, band, layer)
        noise = read_variance(reader, image, band, width, layer) if with_uncertainty else None
        apply_scaling(layer, scaling)
        sums.add(layer, noise, scaling)
    return sums


def apply_scaling(layer: NDArray[Any], scaling: FrameScaling) -> None:
    """Shift and scale a frame in place."""
    if not scaling.is_identity:
        layer -= layer.dtype.type(scaling.zero)
        layer *= layer.dtype.type(scaling.scale)
