"""The stretch from counts to brightness: limits from the image, a linear scale, and the Datalab's gamma table.

The script of Color Image contains the source of these functions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = 2000
CONTRAST = 0.1
ROWS_PER_STEP = 256
GAMMA = np.floor(256 * (np.arange(256) / 256) ** (1 / 2.5)).astype("u1")
"""Brightness by linear value from 0 to 255."""


@dataclass(frozen=True)
class StretchLimits:
    """The counts shown as black and white."""

    black: float
    white: float

    @property
    def span(self) -> tuple[float, float]:
        """Return black and the width up to white; equal limits are widened by 1 on each side."""
        if self.black == self.white:
            return self.black - 1, 2.0
        return self.black, self.white - self.black


def find_limits(pixels: NDArray[Any]) -> StretchLimits:
    """Return display limits of an image: black at the median, white from the slope of the sorted samples.

    About SAMPLES pixels are taken at equal steps and sorted, and a straight line is fitted to value against rank. NaN
    are ignored; an image without other values is black.
    """
    flat = pixels.reshape(-1)
    samples = flat[:: max(1, flat.size // SAMPLES)].astype("f8")
    samples = np.sort(samples[np.isfinite(samples)])
    if samples.size < 2:
        only = float(samples[0]) if samples.size else 0.0
        return StretchLimits(only, only)
    slope, intercept = np.polyfit(np.arange(samples.size), samples, 1)
    white = min(float(samples[-1]), float(intercept + slope / CONTRAST * samples.size / 2))
    return StretchLimits(float(np.median(samples)), white)


def stretch_linear(pixels: NDArray[Any], limits: StretchLimits) -> NDArray[np.float64]:
    """Return pixels on a scale from 0 (black and below, NaN) to 255 (white and above)."""
    black, span = limits.span
    scaled = (np.clip(pixels, black, black + span).astype("f8") - black) * (255 / span)
    return np.nan_to_num(scaled, nan=0.0)


def to_greyscale(pixels: NDArray[Any], limits: StretchLimits) -> NDArray[np.uint8]:
    """Return an image as 8-bit brightness, top row first as picture files store it."""
    picture = np.empty(pixels.shape, dtype="u1")
    for start in range(0, len(pixels), ROWS_PER_STEP):
        part = slice(start, start + ROWS_PER_STEP)
        picture[part] = GAMMA[np.rint(stretch_linear(pixels[part], limits)).astype("u1")]
    return picture[::-1]
