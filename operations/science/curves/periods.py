"""The period of a variable star, by the Lomb-Scargle periodogram."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.timeseries import LombScargle
from numpy.typing import NDArray

from operations.framework.errors import OperationFailed

MIN_POINTS = 8
REFINED_GRID_SIZE = 401


@dataclass(frozen=True)
class Periodogram:
    """Power by frequency (1/day), and the period (days) of the peak with its false alarm probability (Baluev)."""

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    period: float
    false_alarm: float


def periodogram(
    days: Sequence[float], magnitudes: Sequence[float], errors: Sequence[float], *, refine: bool = False
) -> Periodogram:
    """Return the periodogram of the finite points with positive errors, with astropy's default settings.

    With `refine`, the peak is refined between its neighbours on a grid of REFINED_GRID_SIZE frequencies.
    OperationFailed for fewer than MIN_POINTS points, or if all have the same time or the same brightness.
    """
    table = np.array([days, magnitudes, errors], dtype="f8")
    t, y, e = table[:, np.isfinite(table).all(axis=0) & (table[2] > 0)]
    if len(t) < MIN_POINTS:
        raise OperationFailed(f"Only {len(t)} frames have a magnitude with an error; a period needs {MIN_POINTS}.")
    if np.ptp(t) == 0 or np.ptp(y) == 0:
        raise OperationFailed("The brightness does not change over time. A period cannot be determined.")
    search = LombScargle(t, y, e)
    frequency, power = search.autopower()
    peak_frequency, peak_power = _refine_peak(search, frequency, power) if refine else (frequency, power)
    best = int(np.argmax(peak_power))
    false_alarm = float(search.false_alarm_probability(peak_power[best]))
    return Periodogram(frequency, power, 1 / float(peak_frequency[best]), false_alarm)


def _refine_peak(
    search: LombScargle, frequency: NDArray[np.float64], power: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    best = int(np.argmax(power))
    grid = np.linspace(frequency[max(best - 1, 0)], frequency[min(best + 1, len(frequency) - 1)], REFINED_GRID_SIZE)
    return grid, search.power(grid)


def periodogram_to_dict(found: Periodogram) -> dict[str, Any]:
    """Return the periodogram as it is written to the result."""
    return {
        "period": found.period,
        "fap": found.false_alarm,
        "frequency": found.frequency,
        "power": found.power,
    }
