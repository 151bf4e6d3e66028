"""Instrumental magnitudes from counts; the scripts of the curves contain the source of this function."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAGNITUDES_PER_RELATIVE_ERROR = float(2.5 / np.log(10))


def instrumental_magnitude(flux: ArrayLike, error: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return instrumental magnitudes -2.5 log10 F and their errors; NaN where the flux is not positive."""
    counts = np.asarray(flux, dtype="f8")
    with np.errstate(divide="ignore", invalid="ignore"):
        good = np.where(counts > 0, counts, np.nan)
        return -2.5 * np.log10(good), MAGNITUDES_PER_RELATIVE_ERROR * np.asarray(error, dtype="f8") / good
