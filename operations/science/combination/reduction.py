"""From many images to one, by bands: values, uncertainty and bad pixels."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from operations.framework.context import Stage
from operations.science.combination.medians import median, nan_median
from operations.science.combination.rules import Floats, Used, clipped, present, totals
from operations.science.combination.stack_settings import Combination, Recipe
from operations.science.combination.stacks import read_stack, read_variance, working_type
from operations.science.combination.weighted_sums import Prepare, shared, streamed
from operations.science.frames.bands import Band, each_band, plan, tile_rows
from operations.science.frames.images import Image, same_shape
from operations.science.frames.planes import Reader
from operations.science.frames.product import Product

MEDIAN_NOISE = math.sqrt(math.pi / 2)
"""How much noisier the median of many normal values is than their mean."""
CLIPPING_COPIES = 4


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
        exact = np.dtype("f8") if self.kind.kind in "iu" else working_type(images)
        self.pixels: NDArray[Any] = np.empty((self.height, self.width), exact)
        self.error: NDArray[Any] | None = np.empty_like(self.pixels) if noisy else None
        self.bad: NDArray[np.bool_] = np.zeros((self.height, self.width), dtype=bool)

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

    @property
    def _sums(self) -> bool:
        return self.recipe.combination is Combination.SUM

    def _band(self, reader: Reader, band: Band) -> None:
        if self.plain:
            self.pixels[band.rows] = self._plain(
                read_stack(reader, self.images, band, self.width, self.kind, masks=False)
            )
        elif self._clips or self.recipe.combination is Combination.MEDIAN:
            self._stacked(reader, band)
        else:
            self._streamed(reader, band)

    def _plain(self, stack: NDArray[Any]) -> NDArray[Any]:
        """Return the median, which a NaN spoils, or the sum without NaN in the type of the frames."""
        if self.recipe.combination is Combination.MEDIAN:
            return median(stack.reshape(len(stack), -1)).reshape(stack.shape[1:])
        return np.nansum(stack, axis=0)

    def _streamed(self, reader: Reader, band: Band) -> None:
        """Sum or average without a stack."""
        sums = streamed(
            reader,
            self.images,
            self.recipe,
            band,
            (self.width, self.kind),
            noisy=self.error is not None,
            prepare=self.prepare,
        )
        self._put(band, sums.total, sums.weight, sums.variance)

    def _put(self, band: Band, total: Floats, weight: Floats | float, variance: Floats | None) -> None:
        """Write a mean, or a sum at the level of all frames, with its uncertainty."""
        whole = sum(share.weight for share in self.recipe.shares)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = total / weight
            if self._sums:
                values = np.where(weight == whole, total, values * whole)
            if self.error is not None and variance is not None:
                self.error[band.rows] = np.sqrt(variance) / (weight / whole if self._sums else weight)
        self.pixels[band.rows] = values
        self.bad[band.rows] = np.equal(weight, 0)

    def _stacked(self, reader: Reader, band: Band) -> None:
        """Take the median, or the mean of what is not clipped."""
        stack = read_stack(reader, self.images, band, self.width, self.kind)
        for image, layer, share in zip(self.images, stack, self.recipe.shares, strict=True):
            if self.prepare is not None:
                self.prepare(image, band, layer)
            shared(layer, share)
        flat = stack.reshape(len(stack), -1)
        used = present(flat)
        if self._clips:
            used = clipped(flat, used, self.recipe.low, self.recipe.high, self.recipe.rounds)
        variance, count = self._variance(reader, band, stack, used)
        if self._clips:
            self._put(band, totals(flat, used).reshape(stack[0].shape), count, variance)
            return
        self.bad[band.rows] = np.equal(count, 0)
        if self.error is not None and variance is not None:
            factor = MEDIAN_NOISE if len(stack) > 2 else 1.0
            with np.errstate(invalid="ignore", divide="ignore"):
                self.error[band.rows] = factor * np.sqrt(variance) / count
        self.pixels[band.rows] = (median(flat) if used is None else nan_median(flat)).reshape(stack[0].shape)

    def _variance(
        self, reader: Reader, band: Band, stack: NDArray[Any], used: Used
    ) -> tuple[Floats | None, Floats | float]:
        """Return the sum of the variances of what counts, if they are known, and how many values that are."""
        shape = stack[0].shape
        chosen = [None] * len(stack) if used is None else list(used.reshape(stack.shape))
        count: Floats | float = len(stack) if used is None else np.count_nonzero(used, axis=0).reshape(shape) * 1.0
        if self.error is None:
            return None, count
        variance = np.zeros(shape)
        for image, layer, share, good in zip(self.images, stack, self.recipe.shares, chosen, strict=True):
            raw = layer if share.untouched else layer / layer.dtype.type(share.scale) + layer.dtype.type(share.zero)
            noise = read_variance(reader, image, band, self.width, raw)
            variance += (noise if good is None else np.where(good, noise, 0)) * np.float64(share.scale**2)
        return variance, count
