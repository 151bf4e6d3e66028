"""Scales, zero points and weights that match frames before they are combined."""

import math
from collections.abc import Sequence

from core.errors import BadInput
from operations.framework.context import SubProgress
from operations.framework.inputs import SelectInput
from operations.framework.outcome import RunInputs
from operations.science.combination.levels import measure_levels
from operations.science.combination.stack_settings import Combination, FrameScaling
from operations.science.combination.stacks import working_dtype
from operations.science.frames.images import Image, common_shape

NONE, EXPOSURE, LEVEL, NOISE = "none", "exposure", "level", "noise"
SCALE = SelectInput(
    name="Scale",
    description="Whether frames are scaled to the same exposure, to the same level (their median), or not.",
    options=(NONE, EXPOSURE, LEVEL),
    default=NONE,
    advanced=True,
    only_when={"compatibility": ("off",)},
)
ZERO = SelectInput(
    name="Zero Point",
    description="Whether frames are shifted to the same level (their median), for instance if the sky changes.",
    options=(NONE, LEVEL),
    default=NONE,
    advanced=True,
    only_when={"compatibility": ("off",)},
)
WEIGHTS = SelectInput(
    name="Weights",
    description="Whether frames are weighted by their noise (the inverse of the variance) or by their exposure.",
    options=(NOISE, EXPOSURE),
    default=NOISE,
    advanced=True,
    only_when={"combination": (Combination.WEIGHTED,), "compatibility": ("off",)},
)


def frame_scalings(images: Sequence[Image], inputs: RunInputs, progress: SubProgress) -> tuple[FrameScaling, ...]:
    """Return the scale, shift and weight of each frame, as the inputs scale, zero and weights select."""
    scale, zero, weights = (inputs.text(key, NONE) for key in ("scale", "zero", "weights"))
    if not {LEVEL, NOISE} & {scale, zero, weights}:
        medians_and_sigmas = [(0.0, 1.0)] * len(images)
    else:
        measured = measure_levels(images, common_shape(images), working_dtype(images), progress)
        medians_and_sigmas = [(level.median, level.sigma) for level in measured]
    medians, sigmas = [median for median, _ in medians_and_sigmas], [sigma for _, sigma in medians_and_sigmas]
    scales = _scales(images, scale, medians)
    zeros = _zeros(zero, medians, scales)
    scalings = zip(scales, zeros, _weights(images, weights, sigmas, scales), strict=True)
    return tuple(FrameScaling(scale, zero, weight) for scale, zero, weight in scalings)


def _scales(images: Sequence[Image], choice: str, medians: Sequence[float]) -> list[float]:
    """Return the factors that scale each frame to the mean of all."""
    if choice == NONE:
        return [1.0] * len(images)
    values = exposure_times(images) if choice == EXPOSURE else list(medians)
    for image, value in zip(images, values, strict=True):
        if value <= 0:
            what = "an exposure" if choice == EXPOSURE else "a level"
            raise BadInput(
                f"{image.basename} has {what} of {value:g} and cannot be scaled to the others. Leave the frame out."
            )
    mean = math.fsum(values) / len(values)
    return [mean / value for value in values]


def _zeros(choice: str, medians: Sequence[float], scales: Sequence[float]) -> list[float]:
    """Return the offset subtracted from each frame before scaling, so that all reach the mean of the scaled levels."""
    if choice == NONE:
        return [0.0] * len(scales)
    scaled = [median * scale for median, scale in zip(medians, scales, strict=True)]
    mean = math.fsum(scaled) / len(scaled)
    return [median - mean / scale for median, scale in zip(medians, scales, strict=True)]


def _weights(images: Sequence[Image], choice: str, sigmas: Sequence[float], scales: Sequence[float]) -> list[float]:
    if choice == NONE:
        return [1.0] * len(images)
    if choice == EXPOSURE:
        return exposure_times(images)
    for image, sigma in zip(images, sigmas, strict=True):
        if sigma == 0:
            raise BadInput(f"{image.basename} has no noise to weight it by. Weight by exposure or leave the frame out.")
    return [1 / (sigma * scale) ** 2 for sigma, scale in zip(sigmas, scales, strict=True)]


def exposure_times(images: Sequence[Image]) -> list[float]:
    """Return the exposure time of each frame; BadInput if a header has none."""
    for image in images:
        if image.metadata.exposure is None:
            raise BadInput(
                f"The header of {image.basename} has no exposure (EXPTIME). Leave it out or do not scale by exposure."
            )
    return [image.metadata.exposure or 0.0 for image in images]
