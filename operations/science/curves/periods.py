"""The period of a variable: the Lomb-Scargle periodogram."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.timeseries import LombScargle
from numpy.typing import NDArray

from operations.framework.errors import OperationFailed

FEWEST = 8
FINER = 401


@dataclass(frozen=True)
class Periodogram:
    """Power by frequency (1/day), and the period (days) of the highest with its false alarm probability (Baluev)."""

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    period: float
    false_alarm: float


def periodogram(
    days: Sequence[float], magnitudes: Sequence[float], errors: Sequence[float], *, refine: bool = False
) -> Periodogram:
    """Return the periodogram of finite points with positive errors, all else as astropy has it by default.

    With `refine`, the best frequency is sought between the neighbours of the highest on a grid 200 times as fine.
    OperationFailed for fewer than 8 points, or when they were all taken at one time or have one brightness.
    """
    table = np.array([days, magnitudes, errors], dtype="f8")
    t, y, e = table[:, np.isfinite(table).all(axis=0) & (table[2] > 0)]
    if len(t) < FEWEST:
        raise OperationFailed(f"Only {len(t)} frames give a magnitude with its error; a period needs {FEWEST}.")
    if np.ptp(t) == 0 or np.ptp(y) == 0:
        raise OperationFailed("The frames show no change in time; a period cannot be found.")
    search = LombScargle(t, y, e)
    frequency, power = search.autopower()
    near, height = _finer(search, frequency, power) if refine else (frequency, power)
    best = int(np.argmax(height))
    false_alarm = float(search.false_alarm_probability(height[best]))
    return Periodogram(frequency, power, 1 / float(near[best]), false_alarm)


def _finer(
    search: LombScargle, frequency: NDArray[np.float64], power: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    best = int(np.argmax(power))
    grid = np.linspace(frequency[max(best - 1, 0)], frequency[min(best + 1, len(frequency) - 1)], FINER)
    return grid, search.power(grid)


def described(found: Periodogram) -> dict[str, Any]:
    """Return the periodogram as its reader gets it."""
    return {
        "period": found.period,
        "fap": found.false_alarm,
        "frequency": found.frequency,
        "power": found.power,
    }
