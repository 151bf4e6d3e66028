"""Points of a light curve: what the catalogue of each frame says of the source next to a position."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import angular_separation

from operations.science.curves.brightness import magnitude
from operations.science.curves.julian_dates import JD_MINUS_MJD, barycentric, julian_date
from operations.science.frames.catalog import Columns, catalog
from operations.science.frames.images import Image

RADIUS_ARCSEC = 4.0


@dataclass(frozen=True)
class Point:
    """What one frame says: magnitudes of its catalogue and from its flux, NaN for what it does not say; MJD in UTC."""

    basename: str
    mjd: float
    date: str
    magnitudes: tuple[float, float] = (np.nan, np.nan)
    from_flux: tuple[float, float] = (np.nan, np.nan)
    separation: float = np.nan


@dataclass(frozen=True)
class Missing:
    """A frame that gives no point, and why."""

    basename: str
    reason: str


def nearest(columns: Columns, ra: float, dec: float) -> tuple[int, float] | None:
    """Return the row of the source nearest to a position and its separation in arcsec; None beyond 4 arcsec."""
    if not {"ra", "dec"} <= set(columns) or not len(columns["ra"]):
        return None
    away = angular_separation(np.radians(ra), np.radians(dec), np.radians(columns["ra"]), np.radians(columns["dec"]))
    arcsec = np.where(np.isfinite(away), np.degrees(away) * 3600, np.inf)
    row = int(np.argmin(arcsec))
    return (row, float(arcsec[row])) if arcsec[row] <= RADIUS_ARCSEC else None


def point(image: Image, target: Mapping[str, float]) -> Point | Missing:
    """Return what a frame says of the source at the target, at the middle of its exposure."""
    if image.facts.middle is None or image.facts.start is None:
        return Missing(image.basename, "Its header does not tell when it was taken.")
    return _found(image, target, image.facts.middle, image.facts.date)


def datalab_point(image: Image, target: Mapping[str, float]) -> Point | Missing:
    """Return what a frame says, at the moment that the caller gave for it (else at the start of its exposure)."""
    said = str(image.frame.parameters.get("observation_date", image.facts.date))
    if not said:
        return Missing(image.basename, "Nothing tells when it was taken.")
    return _found(image, target, julian_date(said, image.basename) - JD_MINUS_MJD, said)


def _found(image: Image, target: Mapping[str, float], mjd: float, date: str) -> Point | Missing:
    columns = catalog(image.frame)
    if columns is None:
        return Missing(image.basename, "It has no catalogue of sources (CAT).")
    found = nearest(columns, target["ra"], target["dec"])
    if found is None:
        return Missing(image.basename, f"Its catalogue has no source within {RADIUS_ARCSEC:g} arcsec of the target.")
    row, separation = found
    said = _pair(columns, "mag", "magerr", row)
    flux, error = magnitude(*_pair(columns, "flux", "fluxerr", row))
    return Point(image.basename, mjd, date, said, (float(flux), float(error)), separation)


def _pair(columns: Columns, value: str, error: str, row: int) -> tuple[float, float]:
    first, second = (float(columns[name][row]) if name in columns else np.nan for name in (value, error))
    return first, second


def bjd(found: Point, target: Mapping[str, float]) -> float:
    """Return BJD (TDB) of a point."""
    return barycentric(found.mjd, target["ra"], target["dec"])
