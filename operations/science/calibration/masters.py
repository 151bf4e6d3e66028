"""Masters: many bias, dark or flat frames as one, each cleared of what comes before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework.context import Stage
from operations.science.combination.frame_scales import exposures
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, Recipe, Share
from operations.science.frames.bands import Band
from operations.science.frames.images import Image


@dataclass(frozen=True)
class Master:
    """A master frame, and its variance as far as it is known."""

    pixels: NDArray[Any]
    variance: NDArray[Any] | None


@dataclass(frozen=True)
class Masters:
    """The masters there are: bias in counts, dark in counts a second, flat about 1."""

    bias: Master | None = None
    dark: Master | None = None
    flat: Master | None = None

    def clear(self, image: Image, band: Band, rows: NDArray[Any], variance: NDArray[Any] | None = None) -> None:
        """Take bias and dark from rows of an image in place, and add the variance of both to that of the rows."""
        height = slice(band.start, band.stop)
        if self.bias is not None:
            _subtract(self.bias, height, 1.0, rows, variance)
        if self.dark is not None:
            _subtract(self.dark, height, image.facts.exposure or 0.0, rows, variance)

    def divide(self, band: Band, rows: NDArray[Any], variance: NDArray[Any] | None = None) -> None:
        """Divide rows by the flat in place; where that is not above 0 they become NaN."""
        if self.flat is None:
            return
        flat = self.flat.pixels[band.rows]
        good = np.where(flat > 0, flat, np.nan)
        rows /= good
        if variance is not None:
            variance /= good * good
            if self.flat.variance is not None:
                variance += rows * rows * self.flat.variance[band.rows] / (good * good)


def bias_master(images: Sequence[Image], combination: Combination, stage: Stage) -> Master:
    """Return the combined bias; its counts come from no light, so that read noise is all their noise."""
    dark = [replace(image, lit=False) for image in images]
    return _combined(dark, Recipe(combination, tuple(Share() for _ in dark)), Masters(), stage)


def dark_master(images: Sequence[Image], masters: Masters, combination: Combination, stage: Stage) -> Master:
    """Return the combined dark, less the bias, in counts a second; BadInput for a dark without exposure."""
    times = exposures(images)
    for image, seconds in zip(images, times, strict=True):
        if seconds <= 0:
            raise BadInput(f"{image.basename} is a dark with an exposure of {seconds:g} s; give it as bias.")
    return _combined(images, Recipe(combination, tuple(Share(1 / seconds) for seconds in times)), masters, stage)


def flat_master(images: Sequence[Image], masters: Masters, combination: Combination, stage: Stage) -> Master:
    """Return the combined flat, less bias and dark, each brought to a median of 1, and itself divided by its median."""
    shares = []
    for at, image in enumerate(images):
        level = _level(image, masters, stage.part(at, 2 * len(images)))
        if level <= 0:
            raise BadInput(f"{image.basename} is a flat with a median of {level:g} after bias and dark; leave it out.")
        shares.append(Share(1 / level))
    whole = _combined(images, Recipe(combination, tuple(shares)), masters, stage.part(1, 2))
    middle = np.nanmedian(whole.pixels)
    return Master(whole.pixels / middle, None if whole.variance is None else whole.variance / middle**2)


def _combined(images: Sequence[Image], recipe: Recipe, masters: Masters, stage: Stage) -> Master:
    reduction = Reduction(images, recipe, prepare=masters.clear).run(stage)
    variance = None if reduction.error is None else reduction.error**2
    return Master(reduction.pixels, variance)


def _level(image: Image, masters: Masters, stage: Stage) -> float:
    cleared = Reduction([image], Recipe(Combination.SUM, (Share(),)), prepare=masters.clear).run(stage)
    good = cleared.pixels[np.isfinite(cleared.pixels)]
    if not good.size:
        raise BadInput(f"{image.basename} has no good pixel; leave it out.")
    return float(np.median(good))


def _subtract(master: Master, rows: slice, seconds: float, pixels: NDArray[Any], variance: NDArray[Any] | None) -> None:
    pixels -= master.pixels[rows] * pixels.dtype.type(seconds)
    if variance is not None and master.variance is not None:
        variance += master.variance[rows] * variance.dtype.type(seconds**2)
