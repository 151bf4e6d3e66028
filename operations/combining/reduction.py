"""From many images to one, by bands: values, uncertainty and bad pixels."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from operations.combining.medians import median, nan_median
from operations.combining.recipe import Combination, Recipe
from operations.combining.rules import Floats, Used, clipped, present, totals
from operations.combining.stacks import read_stack, read_variance, working_type
from operations.frames.bands import Band, each_band, plan, tile_rows
from operations.frames.images import Image, same_shape
from operations.frames.planes import Reader
from operations.frames.product import Product
from operations.work import Stage

MEDIAN_NOISE = math.sqrt(math.pi / 2)
"""How much noisier the median of many normal values is than their mean."""
CLIPPING_COPIES = 4
Prepare: TypeAlias = Callable[[Image, Band, NDArray[Any]], None]


class Reduction:
    """A result in the making: full planes that bands are written into.

    A pixel without any good value becomes NaN and bad. A sum of which some values are missing is the mean of the others
    times the number of frames, so that its level stays right.
    """

    def __init__(
        self, images: Sequence[Image], recipe: Recipe, *, plain: bool = False, prepare: Prepare | None = None
    ) -> None:
        """Make room for what the images have in common; `plain` sees nothing but the science planes.

        `prepare` changes the rows of an image in place before anything else is done with them.
        """
        self.images, self.recipe, self.plain, self.prepare = images, recipe, plain, prepare
        self.height, self.width = same_shape(images)
        self.kind = working_type(images)
        if plain and recipe.combination is Combination.SUM:
            self.kind = np.result_type(*[image.science.dtype for image in images])
        noisy = not plain and all(image.noisy for image in images)
        self.pixels: NDArray[Any] = np.empty((self.height, self.width), working_type(images))
        self.error: NDArray[Any] | None = np.empty_like(self.pixels) if noisy else None
        self.bad: NDArray[np.bool_] = np.zeros((self.height, self.width), dtype=bool)
        self._weights: Floats = np.array([share.weight for share in recipe.shares], dtype="f8")

    def run(self, stage: Stage) -> Self:
        """Work through all bands and return itself."""
        layers = len(self.images) * (CLIPPING_COPIES if self._clips else 1)
        bands = plan(self.height, self.width * self.kind.itemsize * layers, tile_rows(self.images))
        with Reader() as reader:
            each_band(bands, lambda band: self._band(reader, band), stage)
        return self

    def product(self, header: fits.Header) -> Product:
        """Return the result with its header; the bad pixels only if there are any."""
        return Product(self.pixels, header, self.error, self.bad if self.bad.any() else None)

    @property
    def _clips(self) -> bool:
        return self.recipe.combination is Combination.SIGMA_CLIPPED

    def _band(self, reader: Reader, band: Band) -> None:
        stack = read_stack(reader, self.images, band, self.width, self.kind, masks=not self.plain)
        if self.plain:
            self.pixels[band.rows] = self._plain(stack)
            return
        self._share(stack, band)
        flat = stack.reshape(len(stack), -1)
        used = present(flat)
        if self._clips:
            used = clipped(flat, used, self.recipe.low, self.recipe.high, self.recipe.rounds)
        shape = (band.height, self.width)
        if used is not None:
            self.bad[band.rows] = ~used.any(axis=0).reshape(shape)
        if self.error is not None:
            self.error[band.rows] = self._error(reader, band, stack, used).reshape(shape)
        self.pixels[band.rows] = self._values(flat, used).reshape(shape)

    def _share(self, stack: NDArray[Any], band: Band) -> None:
        """Prepare, shift and scale every frame in place."""
        for at, (image, share) in enumerate(zip(self.images, self.recipe.shares, strict=True)):
            if self.prepare is not None:
                self.prepare(image, band, stack[at])
            if not share.untouched:
                stack[at] -= stack.dtype.type(share.zero)
                stack[at] *= stack.dtype.type(share.scale)

    def _plain(self, stack: NDArray[Any]) -> NDArray[Any]:
        """Return the median, which a NaN spoils, or the sum without NaN in the type of the frames."""
        if self.recipe.combination is Combination.MEDIAN:
            return median(stack.reshape(len(stack), -1)).reshape(stack.shape[1:])
        return np.nansum(stack, axis=0)

    def _values(self, stack: NDArray[Any], used: Used) -> NDArray[Any]:
        """Return the combined values; spoils the stack."""
        if self.recipe.combination is Combination.MEDIAN:
            return median(stack) if used is None else nan_median(stack)
        total, weight = totals(stack, used, self._weights)
        if self._sums and used is None:
            return total
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / weight
        return mean * self._weights.sum() if self._sums else mean

    @property
    def _sums(self) -> bool:
        return self.recipe.combination is Combination.SUM

    def _error(self, reader: Reader, band: Band, stack: NDArray[Any], used: Used) -> NDArray[Any]:
        """Return the standard uncertainty of the combined values, propagated from the frames."""
        variance, weight = np.zeros(stack[0].size), np.zeros(stack[0].size)
        for at, (image, layer, share) in enumerate(zip(self.images, stack, self.recipe.shares, strict=True)):
            raw = layer if share.untouched else layer / layer.dtype.type(share.scale) + layer.dtype.type(share.zero)
            noise = read_variance(reader, image, band, self.width, raw).reshape(-1)
            chosen = None if used is None else used[at]
            counted = noise if chosen is None else np.where(chosen, noise, 0)
            variance += counted * np.float64((share.weight * share.scale) ** 2)
            weight += share.weight if chosen is None else chosen * share.weight
        if self._sums:
            weight = weight / self._weights.sum()
        factor = MEDIAN_NOISE if self.recipe.combination is Combination.MEDIAN and len(stack) > 2 else 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            return factor * np.sqrt(variance) / weight
