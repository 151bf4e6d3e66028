"""Points of a light curve: the source nearest to a position in the catalogue of each frame."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import angular_separation

from operations.science.curves.brightness import instrumental_magnitude
from operations.science.curves.julian_dates import JD_MINUS_MJD, barycentric_julian_date, julian_date
from operations.science.frames.catalog import Columns, read_catalog
from operations.science.frames.images import Image

RADIUS_ARCSEC = 4.0


@dataclass(frozen=True)
class Point:
    """The point of one frame: (magnitude, error) of its catalogue and from its flux, NaN if unknown; MJD in UTC."""

    basename: str
    mjd: float
    date: str
    magnitudes: tuple[float, float] = (np.nan, np.nan)
    flux_magnitudes: tuple[float, float] = (np.nan, np.nan)
    separation: float = np.nan


@dataclass(frozen=True)
class MissingPoint:
    """A frame without a point, and the reason."""

    basename: str
    reason: str


def nearest_source(columns: Columns, ra: float, dec: float) -> tuple[int, float] | None:
    """Return the row of the source nearest to a position and its separation in arcsec; None beyond the radius."""
    if not {"ra", "dec"} <= set(columns) or not len(columns["ra"]):
        return None
    angle = angular_separation(np.radians(ra), np.radians(dec), np.radians(columns["ra"]), np.radians(columns["dec"]))
    arcsec = np.where(np.isfinite(angle), np.degrees(angle) * 3600, np.inf)
    row = int(np.argmin(arcsec))
    return (row, float(arcsec[row])) if arcsec[row] <= RADIUS_ARCSEC else None


def read_point(image: Image, target: Mapping[str, float]) -> Point | MissingPoint:
    """Return the point of a frame for the source at the target, at the middle of its exposure."""
    if image.metadata.middle is None or image.metadata.start is None:
        return MissingPoint(image.basename, "Its header has no time of observation.")
    return _read_catalog_point(image, target, image.metadata.middle, image.metadata.date)


def read_datalab_point(image: Image, target: Mapping[str, float]) -> Point | MissingPoint:
    """Return the point of a frame at the caller's observation_date, else at the start of its exposure."""
    date = str(image.frame.parameters.get("observation_date", image.metadata.date))
    if not date:
        return MissingPoint(image.basename, "Neither the request nor its header has a time of observation.")
    return _read_catalog_point(image, target, julian_date(date, image.basename) - JD_MINUS_MJD, date)


def _read_catalog_point(image: Image, target: Mapping[str, float], mjd: float, date: str) -> Point | MissingPoint:
    columns = read_catalog(image.frame)
    if columns is None:
        return MissingPoint(image.basename, "It has no catalogue of sources (CAT).")
    found = nearest_source(columns, target["ra"], target["dec"])
    if found is None:
        return MissingPoint(
            image.basename, f"Its catalogue has no source within {RADIUS_ARCSEC:g} arcsec of the target."
        )
    row, separation = found
    magnitudes = _read_pair(columns, "mag", "magerr", row)
    flux, error = instrumental_magnitude(*_read_pair(columns, "flux", "fluxerr", row))
    return Point(image.basename, mjd, date, magnitudes, (float(flux), float(error)), separation)


def _read_pair(columns: Columns, value: str, error: str, row: int) -> tuple[float, float]:
    first, second = (float(columns[name][row]) if name in columns else np.nan for name in (value, error))
    return first, second


def barycentric_date(found: Point, target: Mapping[str, float]) -> float:
    """Return the BJD (TDB) of a point."""
    return barycentric_julian_date(found.mjd, target["ra"], target["dec"])
