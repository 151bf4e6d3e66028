"""The script of Light Curve and Variable Star: the same steps with numpy and astropy."""

from operations.framework import script_parts
from operations.framework.common_inputs import compatible
from operations.framework.outcome import Given
from operations.science.curves import brightness, julian_dates, periods, points

IMPORTS = """import json
from datetime import UTC, datetime
from typing import Any

from astropy import units
from astropy.constants import c
from astropy.coordinates import angular_separation, get_body_barycentric
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray
"""
PERIOD_IMPORTS = "from astropy.timeseries import LombScargle\n"
CONSTANTS = f"""
MAGNITUDES_PER_RELATIVE_ERROR, RADIUS_ARCSEC = {brightness.MAGNITUDES_PER_RELATIVE_ERROR}, {points.RADIUS_ARCSEC}
FINER = {periods.FINER}
Columns, BadInput = dict, ValueError
"""
GLUE = '''

def point(path, moment):
    """Return what a frame says of the source at the target, or why it says nothing."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
        tables = [hdu.data for hdu in file if hdu.name == "CAT"]
        columns = {name.lower(): np.array(tables[0][name], "f8") for name in tables[0].names} if tables else {}
    said = {key: next((header[key] for header in headers if key in header), None) for key in KEYS}
    found = nearest(columns, RA, DEC) if columns else None
    date = moment or said["DATE-OBS"]
    if found is None or not date:
        return None
    row, separation = found
    start = said["MJD-OBS"] if said["MJD-OBS"] is not None else float(Time(said["DATE-OBS"], scale="utc").mjd)
    mjd = start + (said["EXPTIME"] or 0) / 2 / 86400
    if DATALAB:
        mjd = julian_date(date, path) - 2400000.5
    pairs = [[columns[name][row] if name in columns else np.nan for name in names] for names in PAIRS]
    return mjd, date, pairs[0], [float(value) for value in magnitude(*pairs[1])], separation


def number(value):
    """Return a number for JSON, which has no NaN."""
    return float(value) if np.isfinite(value) else None


KEYS = ("DATE-OBS", "MJD-OBS", "EXPTIME")
PAIRS = (("mag", "magerr"), ("flux", "fluxerr"))
'''
STEPS = """
found = [each for each in map(point, FILES, MOMENTS) if each is not None]
fallback = not DATALAB and any(not np.isfinite(each[2][0]) for each in found)
found = [each for each in found if np.isfinite(each[2 + fallback][0])]
found = found if DATALAB else sorted(found, key=lambda each: each[0])
curve = []
for mjd, date, *pairs, separation in found:
    mag, error = pairs[fallback]
    row = {"mag": number(mag), "magerr": number(error), "julian_date": mjd + 2400000.5, "observation_date": date}
    curve.append(row if DATALAB else row | {"bjd_tdb": barycentric(mjd, RA, DEC), "separation": separation})
result = {"light_curve": curve}
"""
PERIOD_STEPS = """
key = "julian_date" if DATALAB else "bjd_tdb"
table = np.array([[row[name] for row in curve] for name in (key, "mag", "magerr")], "f8")
table = table[:, np.isfinite(table).all(axis=0) & (table[2] > 0)]
search = LombScargle(*table)
frequency, power = search.autopower()
result["frequency"], result["power"] = frequency.tolist(), power.tolist()
best = int(np.argmax(power))
if not DATALAB:
    grid = np.linspace(frequency[max(best - 1, 0)], frequency[min(best + 1, len(frequency) - 1)], FINER)
    frequency, power = grid, search.power(grid)
result["period"] = float(1 / frequency[np.argmax(power)])
result["fap"] = float(search.false_alarm_probability(power.max()))
"""


def curve_script(given: Given, stem: str, *, period: bool = False) -> str:
    """Return the whole script for these inputs; it writes `<stem>.json`."""
    files = given.frames("input_files")
    target = given.values["source"]
    moments = [frame.parameters.get("observation_date") if compatible(given) else None for frame in files]
    about = f"RA, DEC, DATALAB = {target['ra']}, {target['dec']}, {compatible(given)}\nMOMENTS = {moments}\n"
    functions = script_parts.sources(
        brightness.magnitude, julian_dates.julian_date, julian_dates.barycentric, points.nearest
    )
    write = f'with open({f"{stem}.json"!r}, "w") as file:\n    json.dump(result, file)'
    title = f"The {'variable star' if period else 'light curve'} of a source in {len(files)} frames."
    steps = STEPS + (PERIOD_STEPS if period else "") + write
    imports = IMPORTS + (PERIOD_IMPORTS if period else "")
    return script_parts.script(title, {"FILES": files}, steps, CONSTANTS + about + functions + GLUE, imports)
