"""Weighted sums of many frames, one frame after the other: nothing is held but the sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from operations.science.combination.rules import Floats
from operations.science.combination.stack_settings import Recipe, Share
from operations.science.combination.stacks import read_good, read_variance
from operations.science.frames.bands import Band
from operations.science.frames.images import Image
from operations.science.frames.planes import Reader

Prepare: TypeAlias = Callable[[Image, Band, NDArray[Any]], None]


@dataclass
class Sums:
    """For rows of an image: sum of weighted values, sum of weights (one number while all count), weighted variances."""

    total: Floats
    weight: Floats | float
    variance: Floats | None

    def add(self, layer: NDArray[Any], noise: NDArray[Any] | None, share: Share) -> None:
        """Add a frame as it is after its share, and its noise as it was before; what is NaN does not count."""
        good = ~np.isnan(layer) if layer.size and np.isnan(np.min(layer)) else None
        values = layer if good is None else np.where(good, layer, 0)
        self.total += values if share.weight == 1 else values * np.float64(share.weight)
        self.weight = self.weight + (share.weight if good is None else good * np.float64(share.weight))
        if self.variance is not None and noise is not None:
            counted = noise if good is None else np.where(good, noise, 0)
            self.variance += counted * np.float64((share.weight * share.scale) ** 2)


def streamed(
    reader: Reader,
    images: Sequence[Image],
    recipe: Recipe,
    band: Band,
    about: tuple[int, np.dtype[Any]],
    *,
    noisy: bool,
    prepare: Prepare | None = None,
) -> Sums:
    """Return the sums over all images of the rows of a band; `about` is the width and the type to work in."""
    width, kind = about
    shape = (band.height, width)
    sums = Sums(np.zeros(shape), 0.0, np.zeros(shape) if noisy else None)
    for image, share in zip(images, recipe.shares, strict=True):
        layer = read_good(reader, image, band, width, kind)
        if prepare is not None:
            prepare(image, band, layer)
        noise = read_variance(reader, image, band, width, layer) if noisy else None
        shared(layer, share)
        sums.add(layer, noise, share)
    return sums


def shared(layer: NDArray[Any], share: Share) -> None:
    """Shift and scale a frame in place."""
    if not share.untouched:
        layer -= layer.dtype.type(share.zero)
        layer *= layer.dtype.type(share.scale)
