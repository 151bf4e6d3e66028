"""When a frame was taken: the middle of its exposure, and that moment at the barycentre of the solar system."""

from datetime import UTC, datetime

import numpy as np
from astropy import units
from astropy.constants import c
from astropy.coordinates import get_body_barycentric
from astropy.time import Time

from core.errors import BadInput

JD_MINUS_MJD = 2400000.5


def julian_date(said: str, basename: str) -> float:
    """Return the Julian date (UTC) of a moment as a caller wrote it; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise BadInput(f"{basename} has the observation_date {said!r}; write it like 2026-01-31T23:59:59.") from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return float(Time(zoned.astimezone(UTC).replace(tzinfo=None), scale="utc").jd)


def barycentric(mjd: float, ra: float, dec: float) -> float:
    """Return BJD (TDB) of a moment MJD (UTC) for light from (ra, dec) in degrees, seen from the Earth's centre.

    Where on the Earth it was seen makes less than 0.022 s.
    """
    moment = Time(mjd, format="mjd", scale="utc").tdb
    earth = get_body_barycentric("earth", moment, ephemeris="builtin").xyz.to_value(units.m)
    right, up = np.radians(ra), np.radians(dec)
    towards = np.array([np.cos(up) * np.cos(right), np.cos(up) * np.sin(right), np.sin(up)])
    return float(moment.jd) + float(earth @ towards) / c.value / 86400
