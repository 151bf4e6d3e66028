"""Colour: channels of light added up, each in its own colour."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.science.graphics.stretch import GAMMA, Limits, linear

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


def add_channel(light: NDArray[np.float32], pixels: NDArray[Any], limits: Limits, color: Color) -> None:
    """Add the pixels of a channel, on a scale from 0 to 255 between its limits, to light (height, width, 3)."""
    value = linear(pixels, limits)
    for at, part in enumerate(color.parts):
        if part:
            light[..., at] += value * (part / 255)


def eight_bits(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return light as a picture, upper row first: cut at 255, rounded, through the gamma table."""
    return GAMMA[np.rint(np.clip(light, 0, 255)).astype("u1")][::-1]


def sixteen_bits(light: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return light as a picture of 16 bits, upper row first, with the same gamma but without steps."""
    return np.rint(65535 * (np.clip(light, 0, 255) / 255) ** GAMMA_POWER).astype("u2")[::-1]
