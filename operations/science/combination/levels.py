"""The level and noise of frames, measured on a sample of their pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework.context import SubProgress
from operations.science.combination.rules import MAD_TO_SIGMA
from operations.science.combination.stacks import read_good
from operations.science.frames.bands import Band, max_tile_rows, plan_bands
from operations.science.frames.images import Image
from operations.science.frames.planes import PlaneReader

MAX_SAMPLE_PIXELS = 1_000_000


@dataclass(frozen=True)
class Level:
    """The median of a frame and the standard deviation about it, in counts; those of the sky in most frames."""

    median: float
    sigma: float


def measure_levels(
    images: Sequence[Image], shape: tuple[int, int], dtype: np.dtype[Any], progress: SubProgress
) -> list[Level]:
    """Return the level of each frame within the common shape; BadInput if one has no good pixel."""
    found = []
    with PlaneReader() as reader:
        for at, image in enumerate(images):
            progress.report(at / len(images), image.basename)
            found.append(_measure_level(_read_sample(reader, image, shape, dtype, progress), image))
    return found


def sample_step(shape: tuple[int, int]) -> int:
    """Return the step between sampled rows and columns, so that a large frame gives about MAX_SAMPLE_PIXELS."""
    return max(1, math.isqrt(shape[0] * shape[1] // MAX_SAMPLE_PIXELS))


def _read_sample(
    reader: PlaneReader, image: Image, shape: tuple[int, int], dtype: np.dtype[Any], progress: SubProgress
) -> NDArray[Any]:
    every = sample_step(shape)
    parts = []
    for band in plan_bands(shape[0], shape[1] * dtype.itemsize, max_tile_rows([image])):
        progress.checkpoint()
        first = -band.start % every
        parts.append(read_good(reader, image, Band(band.start, band.stop), shape[1], dtype)[first::every, ::every])
    sample = np.concatenate(parts).reshape(-1)
    return sample[np.isfinite(sample)]


def _measure_level(sample: NDArray[Any], image: Image) -> Level:
    if sample.size == 0:
        raise BadInput(f"{image.basename} has no good pixel. Leave the frame out.")
    middle = float(np.median(sample))
    return Level(middle, float(np.median(np.abs(sample.astype("f8") - middle))) * MAD_TO_SIGMA)
