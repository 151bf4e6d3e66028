"""Reduces many images to one, by bands: values, uncertainty and bad pixels."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from operations.framework.context import SubProgress
from operations.science.combination.medians import median, nan_median
from operations.science.combination.rules import Floats, ValueMask, sigma_clip, sum_values, valid_values
from operations.science.combination.stack_settings import Combination, StackSettings
from operations.science.combination.stacks import read_stack, read_variance, working_dtype
from operations.science.combination.weighted_sums import Prepare, apply_scaling, sum_frames
from operations.science.frames.bands import Band, for_each_band, max_tile_rows, plan_bands
from operations.science.frames.images import Image, common_shape
from operations.science.frames.planes import PlaneReader
from operations.science.frames.product import Product

MEDIAN_NOISE = math.sqrt(math.pi / 2)
"""The noise of the median of many normal values, in units of that of their mean."""
CLIPPING_COPIES = 4


class Reduction:
    """The result planes, filled band by band.

    A pixel without any good value becomes NaN and bad. A sum with missing values is the mean of the others times the
    number of frames, so that its level is that of a complete sum.
    """

    def __init__(
        self,
        images: Sequence[Image],
        settings: StackSettings,
        *,
        science_only: bool = False,
        prepare: Prepare | None = None,
    ) -> None:
        """Allocate planes of the common shape; `science_only` ignores masks and uncertainties.

        `prepare` changes the rows of an image in place before they are scaled and combined.
        """
        self.images, self.settings, self.science_only, self.prepare = images, settings, science_only, prepare
        self.height, self.width = common_shape(images)
        self.dtype = working_dtype(images)
        if science_only and settings.combination is Combination.SUM:
            self.dtype = np.result_type(*[image.science.dtype for image in images])
        with_uncertainty = not science_only and all(image.has_uncertainty for image in images)
        exact = np.dtype("f8") if self.dtype.kind in "iu" else working_dtype(images)
        self.pixels: NDArray[Any] = np.empty((self.height, self.width), exact)
        self.error: NDArray[Any] | None = np.empty_like(self.pixels) if with_uncertainty else None
        self.bad: NDArray[np.bool_] = np.zeros((self.height, self.width), dtype=bool)

    def run(self, progress: SubProgress) -> Self:
        """Reduce all bands and return the reduction."""
        layers = len(self.images) * (CLIPPING_COPIES if self._is_clipped else 1)
        bands = plan_bands(self.height, self.width * self.dtype.itemsize * layers, max_tile_rows(self.images))
        with PlaneReader() as reader:
            for_each_band(bands, lambda band: self._reduce_band(reader, band), progress)
        return self

    def product(self, header: fits.Header) -> Product:
        """Return the result with its header, and a mask if there are bad pixels."""
        return Product(self.pixels, header, self.error, self.bad if self.bad.any() else None)

    @property
    def _is_clipped(self) -> bool:
        return self.settings.combination is Combination.SIGMA_CLIPPED

    @property
    def _is_sum(self) -> bool:
        return self.settings.combination is Combination.SUM

    def _reduce_band(self, reader: PlaneReader, band: Band) -> None:
        if self.science_only:
            self.pixels[band.rows] = self._reduce_science_only(
                read_stack(reader, self.images, band, self.width, self.dtype, masks=False)
            )
        elif self._is_clipped or self.settings.combination is Combination.MEDIAN:
            self._reduce_stack(reader, band)
        else:
            self._reduce_sums(reader, band)

    def _reduce_science_only(self, stack: NDArray[Any]) -> NDArray[Any]:
        """Return the median, which is NaN if any value is, or the sum without NaN in the type of the frames."""
        if self.settings.combination is Combination.MEDIAN:
            return median(stack.reshape(len(stack), -1)).reshape(stack.shape[1:])
        return np.nansum(stack, axis=0)

    def _reduce_sums(self, reader: PlaneReader, band: Band) -> None:
        # Sums and means need one frame at a time in memory, not a stack.
        sums = sum_frames(
            reader,
            self.images,
            self.settings,
            band,
            (self.width, self.dtype),
            with_uncertainty=self.error is not None,
            prepare=self.prepare,
        )
        self._write_mean(band, sums.total, sums.weight, sums.variance)

    def _write_mean(self, band: Band, total: Floats, weight: Floats | float, variance: Floats | None) -> None:
        """Write a mean, or a sum scaled to all frames, with its uncertainty."""
        all_weights = sum(scaling.weight for scaling in self.settings.scalings)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = total / weight
            if self._is_sum:
                values = np.where(weight == all_weights, total, values * all_weights)
            if self.error is not None and variance is not None:
                self.error[band.rows] = np.sqrt(variance) / (weight / all_weights if self._is_sum else weight)
        self.pixels[band.rows] = values
        self.bad[band.rows] = np.equal(weight, 0)

    def _reduce_stack(self, reader: PlaneReader, band: Band) -> None:
        """Write the median, or the mean of the values that are not clipped."""
        stack = read_stack(reader, self.images, band, self.width, self.dtype)
        for image, layer, scaling in zip(self.images, stack, self.settings.scalings, strict=True):
            if self.prepare is not None:
                self.prepare(image, band, layer)
            apply_scaling(layer, scaling)
        flat = stack.reshape(len(stack), -1)
        used = valid_values(flat)
        if self._is_clipped:
            used = sigma_clip(flat, used, self.settings.low, self.settings.high, self.settings.rounds)
        variance, count = self._variance(reader, band, stack, used)
        if self._is_clipped:
            self._write_mean(band, sum_values(flat, used).reshape(stack[0].shape), count, variance)
            return
        self.bad[band.rows] = np.equal(count, 0)
        if self.error is not None and variance is not None:
            factor = MEDIAN_NOISE if len(stack) > 2 else 1.0
            with np.errstate(invalid="ignore", divide="ignore"):
                self.error[band.rows] = factor * np.sqrt(variance) / count
        self.pixels[band.rows] = (median(flat) if used is None else nan_median(flat)).reshape(stack[0].shape)

    def _variance(
        self, reader: PlaneReader, band: Band, stack: NDArray[Any], used: ValueMask
    ) -> tuple[Floats | None, Floats | float]:
        """Return the sum of the variances of the used values, if known, and the number of these values."""
        shape = stack[0].shape
        masks = [None] * len(stack) if used is None else list(used.reshape(stack.shape))
        count: Floats | float = len(stack) if used is None else np.count_nonzero(used, axis=0).reshape(shape) * 1.0
        if self.error is None:
            return None, count
        variance = np.zeros(shape)
        for image, layer, scaling, good in zip(self.images, stack, self.settings.scalings, masks, strict=True):
            raw = (
                layer
                if scaling.is_identity
                else layer / layer.dtype.type(scaling.scale) + layer.dtype.type(scaling.zero)
            )
            noise = read_variance(reader, image, band, self.width, raw)
            variance += (noise if good is None else np.where(good, noise, 0)) * np.float64(scaling.scale**2)
        return variance, count
