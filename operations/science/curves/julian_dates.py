"""Julian dates of observations, in UTC and at the barycentre of the solar system.

The scripts of the curves contain the source of these functions.
"""

from datetime import UTC, datetime

import numpy as np
from astropy import units
from astropy.constants import c
from astropy.coordinates import get_body_barycentric
from astropy.time import Time

from core.errors import BadInput

JD_MINUS_MJD = 2400000.5


def julian_date(text: str, basename: str) -> float:
    """Return the Julian date (UTC) of an ISO 8601 date and time; without a time zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{basename} has the observation_date {text!r}. Write it like 2026-01-31T23:59:59.") from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return float(Time(zoned.astimezone(UTC).replace(tzinfo=None), scale="utc").jd)


def barycentric_julian_date(mjd: float, ra: float, dec: float) -> float:
    """Return the BJD (TDB) of an MJD (UTC) for light from (ra, dec) in degrees, observed at the Earth's centre.

    The observatory's position on the Earth changes it by less than 0.022 s.
    """
    moment = Time(mjd, format="mjd", scale="utc").tdb
    earth = get_body_barycentric("earth", moment, ephemeris="builtin").xyz.to_value(units.m)
    alpha, delta = np.radians(ra), np.radians(dec)
    direction = np.array([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)])
    return float(moment.jd) + float(earth @ direction) / c.value / 86400
