"""From counts to brightness: limits found in the image, a linear scale, and the gamma table of the prior system."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = 2000
CONTRAST = 0.1
ROWS = 256
GAMMA = np.floor(256 * (np.arange(256) / 256) ** (1 / 2.5)).astype("u1")
"""Brightness by linear value from 0 to 255."""


@dataclass(frozen=True)
class Limits:
    """The counts that become black and white."""

    black: float
    white: float

    @property
    def span(self) -> tuple[float, float]:
        """Return black and the width up to white; equal limits are widened by 1 each way."""
        if self.black == self.white:
            return self.black - 1, 2.0
        return self.black, self.white - self.black


def found_limits(pixels: NDArray[Any]) -> Limits:
    """Return limits for a look at an image: black at the median, white where the slope of the ordered samples leads.

    About 2000 pixels are taken at equal steps and put in order; one straight line is fitted to value against rank. NaN
    count for nothing; an image of nothing else is black.
    """
    flat = pixels.reshape(-1)
    samples = flat[:: max(1, flat.size // SAMPLES)].astype("f8")
    samples = np.sort(samples[np.isfinite(samples)])
    if samples.size < 2:
        only = float(samples[0]) if samples.size else 0.0
        return Limits(only, only)
    slope, intercept = np.polyfit(np.arange(samples.size), samples, 1)
    white = min(float(samples[-1]), float(intercept + slope / CONTRAST * samples.size / 2))
    return Limits(float(np.median(samples)), white)


def linear(pixels: NDArray[Any], limits: Limits) -> NDArray[np.float64]:
    """Return pixels on a scale from 0 (black and below, NaN) to 255 (white and above)."""
    black, span = limits.span
    scaled = (np.clip(pixels, black, black + span).astype("f8") - black) * (255 / span)
    return np.nan_to_num(scaled, nan=0.0)


def grey(pixels: NDArray[Any], limits: Limits) -> NDArray[np.uint8]:
    """Return an image as brightness, upper row first as pictures are stored."""
    picture = np.empty(pixels.shape, dtype="u1")
    for start in range(0, len(pixels), ROWS):
        part = slice(start, start + ROWS)
        picture[part] = GAMMA[np.rint(linear(pixels[part], limits)).astype("u1")]
    return picture[::-1]
