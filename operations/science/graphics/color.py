"""Colour images: the sum of channels, each in its own colour.

The script of Color Image contains the source of these functions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.science.graphics.stretch import GAMMA, StretchLimits, stretch_linear

GAMMA_POWER = 1 / 2.5


@dataclass(frozen=True)
class Color:
    """A colour, each part from 0 to 255."""

    r: int = 255
    g: int = 255
    b: int = 255

    @property
    def parts(self) -> tuple[int, int, int]:
        """Return red, green and blue."""
        return self.r, self.g, self.b


def add_channel(light: NDArray[np.float32], pixels: NDArray[Any], limits: StretchLimits, color: Color) -> None:
    """Add the pixels of a channel, scaled from 0 to 255 between its limits, to `light` (height, width, 3)."""
    value = stretch_linear(pixels, limits)
    for at, part in enumerate(color.parts):
        if part:
            light[..., at] += value * (part / 255)


def to_8_bit(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return light as an 8-bit picture, top row first: clipped at 255, rounded, and gamma-corrected by the table."""
    return GAMMA[np.rint(np.clip(light, 0, 255)).astype("u1")][::-1]


def to_16_bit(light: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return light as a 16-bit picture, top row first, with the same gamma but without the steps of the table."""
    return np.rint(65535 * (np.clip(light, 0, 255) / 255) ** GAMMA_POWER).astype("u2")[::-1]
