"""Combination rules on a stack (frames, pixels) of floats, with NaN for missing values; all sums in float64."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from operations.science.combination.medians import nan_median

MAD_TO_SIGMA = 1.4826022185056018
"""The standard deviation of a normal distribution, in median absolute deviations."""

Floats: TypeAlias = NDArray[np.float64]
ValueMask: TypeAlias = NDArray[np.bool_] | None
"""The used values of a stack; None if all are used."""


def valid_values(stack: NDArray[Any]) -> ValueMask:
    """Return which values are not NaN."""
    with np.errstate(invalid="ignore"):
        complete = not np.isnan(np.add.reduce(stack, axis=0)).any()
    return None if complete else ~np.isnan(stack)


def sum_values(stack: NDArray[Any], used: ValueMask) -> Floats:
    """Return the sum of the used values of each pixel."""
    total = np.zeros(stack.shape[1])
    for at, layer in enumerate(stack):
        total += layer if used is None else np.where(used[at], layer, 0)
    return total


def sigma_clip(stack: NDArray[Any], used: ValueMask, low: float, high: float, rounds: int) -> ValueMask:
    """Return the values within `low` and `high` sigmas of the median, clipped repeatedly until nothing changes.

    Sigma is the standard deviation from the median absolute deviation of the remaining values, which is robust against
    outliers. Pixels with fewer than three values are not clipped.
    """
    remaining = ~np.isnan(stack) if used is None else used
    for _ in range(rounds):
        inside = remaining & _within_limits(np.where(remaining, stack, np.nan), low, high)
        if np.array_equal(inside, remaining):
            break
        remaining = inside
    return remaining


def _within_limits(values: NDArray[Any], low: float, high: float) -> NDArray[np.bool_]:
    deviation = values - nan_median(values.copy())
    sigma = nan_median(np.abs(deviation)) * values.dtype.type(MAD_TO_SIGMA)
    few = np.count_nonzero(~np.isnan(values), axis=0) < 3
    with np.errstate(invalid="ignore"):
        inside: NDArray[np.bool_] = (deviation >= -low * sigma) & (deviation <= high * sigma)
    return inside | few
