"""Matching frames before they are combined: scales, zero points and weights."""

import math
from collections.abc import Sequence

from core.errors import BadInput
from operations.framework.context import Stage
from operations.framework.inputs import SelectInput
from operations.framework.outcome import Given
from operations.science.combination.levels import levels
from operations.science.combination.stack_settings import Combination, Share
from operations.science.combination.stacks import working_type
from operations.science.frames.images import Image, same_shape

NONE, EXPOSURE, LEVEL, NOISE = "none", "exposure", "level", "noise"
SCALE = SelectInput(
    name="Scale",
    description="What frames are multiplied for: nothing, the same exposure, or the same level (their median).",
    options=(NONE, EXPOSURE, LEVEL),
    default=NONE,
    advanced=True,
    only_when={"compatibility": ("off",)},
)
ZERO = SelectInput(
    name="Zero Point",
    description="What is added to frames for: nothing, or the same level (their median), as of a changing sky.",
    options=(NONE, LEVEL),
    default=NONE,
    advanced=True,
    only_when={"compatibility": ("off",)},
)
WEIGHTS = SelectInput(
    name="Weights",
    description="Whether a frame counts by its noise (the inverse of its variance about the median) or its exposure.",
    options=(NOISE, EXPOSURE),
    default=NOISE,
    advanced=True,
    only_when={"combination": (Combination.WEIGHTED,), "compatibility": ("off",)},
)


def shares(images: Sequence[Image], given: Given, stage: Stage) -> tuple[Share, ...]:
    """Return what each frame is scaled, shifted and weighted by, as the inputs scale, zero and weights ask."""
    scale, zero, weights = (given.text(key, NONE) for key in ("scale", "zero", "weights"))
    if not {LEVEL, NOISE} & {scale, zero, weights}:
        found = [(0.0, 1.0)] * len(images)
    else:
        seen = levels(images, same_shape(images), working_type(images), stage)
        found = [(level.middle, level.sigma) for level in seen]
    middles, sigmas = [middle for middle, _ in found], [sigma for _, sigma in found]
    scales = _scales(images, scale, middles)
    zeros = _zeros(zero, middles, scales)
    shared = zip(scales, zeros, _weights(images, weights, sigmas, scales), strict=True)
    return tuple(Share(scale, zero, weight) for scale, zero, weight in shared)


def _scales(images: Sequence[Image], choice: str, middles: Sequence[float]) -> list[float]:
    """Return the factors that bring each frame to the mean of all."""
    if choice == NONE:
        return [1.0] * len(images)
    values = exposures(images) if choice == EXPOSURE else list(middles)
    for image, value in zip(images, values, strict=True):
        if value <= 0:
            what = "an exposure" if choice == EXPOSURE else "a level"
            raise BadInput(
                f"{image.basename} has {what} of {value:g} and cannot be scaled to the others; leave it out."
            )
    mean = math.fsum(values) / len(values)
    return [mean / value for value in values]


def _zeros(choice: str, middles: Sequence[float], scales: Sequence[float]) -> list[float]:
    """Return what is taken from each frame before it is scaled, so that all come to the mean of the scaled levels."""
    if choice == NONE:
        return [0.0] * len(scales)
    scaled = [middle * scale for middle, scale in zip(middles, scales, strict=True)]
    mean = math.fsum(scaled) / len(scaled)
    return [middle - mean / scale for middle, scale in zip(middles, scales, strict=True)]


def _weights(images: Sequence[Image], choice: str, sigmas: Sequence[float], scales: Sequence[float]) -> list[float]:
    if choice == NONE:
        return [1.0] * len(images)
    if choice == EXPOSURE:
        return exposures(images)
    for image, sigma in zip(images, sigmas, strict=True):
        if sigma == 0:
            raise BadInput(f"{image.basename} shows no noise to weight it by; weight by exposure or leave it out.")
    return [1 / (sigma * scale) ** 2 for sigma, scale in zip(sigmas, scales, strict=True)]


def exposures(images: Sequence[Image]) -> list[float]:
    """Return the exposure of each frame; BadInput for one that does not tell it."""
    for image in images:
        if image.facts.exposure is None:
            raise BadInput(
                f"{image.basename} does not tell its exposure (EXPTIME); leave it out or do not scale by it."
            )
    return [image.facts.exposure or 0.0 for image in images]
