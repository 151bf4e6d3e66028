"""What frames are matched by: their level and their noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework.context import Stage
from operations.science.combination.rules import MAD_TO_SIGMA
from operations.science.combination.stacks import read_good
from operations.science.frames.bands import Band, plan, tile_rows
from operations.science.frames.images import Image
from operations.science.frames.planes import Reader

SAMPLE = 1_000_000


@dataclass(frozen=True)
class Level:
    """The median of a frame and the spread about it (of the sky, where most pixels show it), in counts."""

    middle: float
    sigma: float


def levels(images: Sequence[Image], shape: tuple[int, int], kind: np.dtype[Any], stage: Stage) -> list[Level]:
    """Return the level of each frame within the common shape; BadInput when one has no good pixel."""
    found = []
    with Reader() as reader:
        for at, image in enumerate(images):
            stage.report(at / len(images), image.basename)
            found.append(_level(_sample(reader, image, shape, kind, stage), image))
    return found


def step(shape: tuple[int, int]) -> int:
    """Return which rows and columns are looked at: every so many, to have a million pixels of a larger frame."""
    return max(1, math.isqrt(shape[0] * shape[1] // SAMPLE))


def _sample(reader: Reader, image: Image, shape: tuple[int, int], kind: np.dtype[Any], stage: Stage) -> NDArray[Any]:
    every = step(shape)
    parts = []
    for band in plan(shape[0], shape[1] * kind.itemsize, tile_rows([image])):
        stage.checkpoint()
        first = -band.start % every
        parts.append(read_good(reader, image, Band(band.start, band.stop), shape[1], kind)[first::every, ::every])
    sample = np.concatenate(parts).reshape(-1)
    return sample[np.isfinite(sample)]


def _level(sample: NDArray[Any], image: Image) -> Level:
    if sample.size == 0:
        raise BadInput(f"{image.basename} has no good pixel; leave it out.")
    middle = float(np.median(sample))
    return Level(middle, float(np.median(np.abs(sample.astype("f8") - middle))) * MAD_TO_SIGMA)
