"""Master frames: the combination of bias, dark or flat frames, each less the masters before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework.context import SubProgress
from operations.science.combination.frame_scales import exposure_times
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, FrameScaling, StackSettings
from operations.science.frames.bands import Band
from operations.science.frames.images import Image


@dataclass(frozen=True)
class Master:
    """A master frame and its variance, if it is known."""

    pixels: NDArray[Any]
    variance: NDArray[Any] | None


@dataclass(frozen=True)
class Masters:
    """The available masters: bias in counts, dark in counts per second, flat with median 1."""

    bias: Master | None = None
    dark: Master | None = None
    flat: Master | None = None

    def subtract_bias_and_dark(
        self, image: Image, band: Band, rows: NDArray[Any], variance: NDArray[Any] | None = None
    ) -> None:
        """Subtract bias and dark from rows of an image in place, and add the variance of both to that of the rows."""
        height = slice(band.start, band.stop)
        if self.bias is not None:
            _subtract(self.bias, height, 1.0, rows, variance)
        if self.dark is not None:
            _subtract(self.dark, height, image.metadata.exposure or 0.0, rows, variance)

    def divide_by_flat(self, band: Band, rows: NDArray[Any], variance: NDArray[Any] | None = None) -> None:
        """Divide rows by the flat in place; they become NaN where the flat is not above 0."""
        if self.flat is None:
            return
        flat = self.flat.pixels[band.rows]
        good = np.where(flat > 0, flat, np.nan)
        rows /= good
        if variance is not None:
            variance /= good * good
            if self.flat.variance is not None:
                variance += rows * rows * self.flat.variance[band.rows] / (good * good)


def make_bias(images: Sequence[Image], combination: Combination, progress: SubProgress) -> Master:
    """Return the combined bias; its only noise is read noise."""
    unlit = [replace(image, has_photon_noise=False) for image in images]
    return _combine(unlit, StackSettings(combination, tuple(FrameScaling() for _ in unlit)), Masters(), progress)


def make_dark(images: Sequence[Image], masters: Masters, combination: Combination, progress: SubProgress) -> Master:
    """Return the combined dark, less the bias, in counts per second; BadInput for a dark without exposure."""
    times = exposure_times(images)
    for image, seconds in zip(images, times, strict=True):
        if seconds <= 0:
            raise BadInput(f"{image.basename} is a dark with an exposure of {seconds:g} s. Use it as a bias file.")
    return _combine(
        images, StackSettings(combination, tuple(FrameScaling(1 / seconds) for seconds in times)), masters, progress
    )


def make_flat(images: Sequence[Image], masters: Masters, combination: Combination, progress: SubProgress) -> Master:
    """Return the combined flat, less bias and dark; each frame, and the result, is scaled to a median of 1."""
    scalings = []
    for at, image in enumerate(images):
        level = _median_level(image, masters, progress.part(at, 2 * len(images)))
        if level <= 0:
            raise BadInput(
                f"{image.basename} is a flat with a median of {level:g} after bias and dark. Leave the frame out."
            )
        scalings.append(FrameScaling(1 / level))
    combined = _combine(images, StackSettings(combination, tuple(scalings)), masters, progress.part(1, 2))
    middle = np.nanmedian(combined.pixels)
    return Master(combined.pixels / middle, None if combined.variance is None else combined.variance / middle**2)


def _combine(images: Sequence[Image], settings: StackSettings, masters: Masters, progress: SubProgress) -> Master:
    reduction = Reduction(images, settings, prepare=masters.subtract_bias_and_dark).run(progress)
    variance = None if reduction.error is None else reduction.error**2
    return Master(reduction.pixels, variance)


def _median_level(image: Image, masters: Masters, progress: SubProgress) -> float:
    corrected = Reduction(
        [image], StackSettings(Combination.SUM, (FrameScaling(),)), prepare=masters.subtract_bias_and_dark
    ).run(progress)
    good = corrected.pixels[np.isfinite(corrected.pixels)]
    if not good.size:
        raise BadInput(f"{image.basename} has no good pixel. Leave the frame out.")
    return float(np.median(good))


def _subtract(master: Master, rows: slice, seconds: float, pixels: NDArray[Any], variance: NDArray[Any] | None) -> None:
    pixels -= master.pixels[rows] * pixels.dtype.type(seconds)
    if variance is not None and master.variance is not None:
        variance += master.variance[rows] * variance.dtype.type(seconds**2)
