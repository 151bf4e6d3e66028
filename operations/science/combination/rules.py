"""The rules on a stack (frames, pixels) of floats, NaN where there is no value; all sums in float64."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from operations.science.combination.medians import nan_median

MAD_TO_SIGMA = 1.4826022185056018
"""The standard deviation of a normal distribution, in median absolute deviations."""

Floats: TypeAlias = NDArray[np.float64]
Used: TypeAlias = NDArray[np.bool_] | None
"""Which values of a stack count; None when all do."""


def present(stack: NDArray[Any]) -> Used:
    """Return which values there are."""
    with np.errstate(invalid="ignore"):
        flawless = not np.isnan(np.add.reduce(stack, axis=0)).any()
    return None if flawless else ~np.isnan(stack)


def totals(stack: NDArray[Any], used: Used) -> Floats:
    """Return the sum of the used values of each pixel."""
    total = np.zeros(stack.shape[1])
    for at, layer in enumerate(stack):
        total += layer if used is None else np.where(used[at], layer, 0)
    return total


def clipped(stack: NDArray[Any], used: Used, low: float, high: float, rounds: int) -> Used:
    """Return which values stay: those within `low` and `high` sigmas of the median, again until none leaves.

    Sigma is the median absolute deviation as a standard deviation, of the values that are left, which an outlier does
    not widen. Fewer than three values are left alone.
    """
    kept = ~np.isnan(stack) if used is None else used
    for _ in range(rounds):
        left = kept & _inside(np.where(kept, stack, np.nan), low, high)
        if np.array_equal(left, kept):
            break
        kept = left
    return kept


def _inside(values: NDArray[Any], low: float, high: float) -> NDArray[np.bool_]:
    away = values - nan_median(values.copy())
    sigma = nan_median(np.abs(away)) * values.dtype.type(MAD_TO_SIGMA)
    few = np.count_nonzero(~np.isnan(values), axis=0) < 3
    with np.errstate(invalid="ignore"):
        inside: NDArray[np.bool_] = (away >= -low * sigma) & (away <= high * sigma)
    return inside | few
