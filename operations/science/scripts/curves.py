"""The script of Light Curve and Variable Star, with numpy and astropy."""

from operations.framework import script_parts
from operations.framework.common_inputs import is_datalab_mode
from operations.framework.outcome import RunInputs
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
REFINED_GRID_SIZE = {periods.REFINED_GRID_SIZE}
Columns, BadInput = dict, ValueError
"""
FUNCTIONS = '''

def read_point(path, observation_date):
    """Return the point of a frame for the source at the target; None if it has none."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
        tables = [hdu.data for hdu in file if hdu.name == "CAT"]
        columns = {name.lower(): np.array(tables[0][name], "f8") for name in tables[0].names} if tables else {}
    cards = {key: next((header[key] for header in headers if key in header), None) for key in KEYS}
    found = nearest_source(columns, RA, DEC) if columns else None
    date = observation_date or cards["DATE-OBS"]
    if found is None or not date:
        return None
    row, separation = found
    start = cards["MJD-OBS"] if cards["MJD-OBS"] is not None else float(Time(cards["DATE-OBS"], scale="utc").mjd)
    mjd = start + (cards["EXPTIME"] or 0) / 2 / 86400
    if DATALAB:
        mjd = julian_date(date, path) - 2400000.5
    pairs = [[columns[name][row] if name in columns else np.nan for name in names] for names in PAIRS]
    return mjd, date, pairs[0], [float(value) for value in instrumental_magnitude(*pairs[1])], separation


def number(value):
    """Return a number for JSON: NaN becomes null."""
    return float(value) if np.isfinite(value) else None


KEYS = ("DATE-OBS", "MJD-OBS", "EXPTIME")
PAIRS = (("mag", "magerr"), ("flux", "fluxerr"))
'''
STEPS = """
points = [each for each in map(read_point, FILES, OBSERVATION_DATES) if each is not None]
fallback = not DATALAB and any(not np.isfinite(each[2][0]) for each in points)
points = [each for each in points if np.isfinite(each[2 + fallback][0])]
points = points if DATALAB else sorted(points, key=lambda each: each[0])
curve = []
for mjd, date, *pairs, separation in points:
    mag, error = pairs[fallback]
    row = {"mag": number(mag), "magerr": number(error), "julian_date": mjd + 2400000.5, "observation_date": date}
    curve.append(row if DATALAB else row | {"bjd_tdb": barycentric_julian_date(mjd, RA, DEC), "separation": separation})
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
    grid = np.linspace(frequency[max(best - 1, 0)], frequency[min(best + 1, len(frequency) - 1)], REFINED_GRID_SIZE)
    frequency, power = grid, search.power(grid)
result["period"] = float(1 / frequency[np.argmax(power)])
result["fap"] = float(search.false_alarm_probability(power.max()))
"""


def build_curve_script(inputs: RunInputs, stem: str, *, period: bool = False) -> str:
    """Return the script for these inputs; it writes `<stem>.json`."""
    files = inputs.frames("input_files")
    target = inputs.values["source"]
    dates = [frame.parameters.get("observation_date") if is_datalab_mode(inputs) else None for frame in files]
    settings = (
        f"RA, DEC, DATALAB = {target['ra']}, {target['dec']}, {is_datalab_mode(inputs)}\nOBSERVATION_DATES = {dates}\n"
    )
    functions = script_parts.source_of(
        brightness.instrumental_magnitude,
        julian_dates.julian_date,
        julian_dates.barycentric_julian_date,
        points.nearest_source,
    )
    write = f'with open({f"{stem}.json"!r}, "w") as file:\n    json.dump(result, file)'
    title = f"The {'variable star' if period else 'light curve'} of a source in {len(files)} frames."
    steps = STEPS + (PERIOD_STEPS if period else "") + write
    imports = IMPORTS + (PERIOD_IMPORTS if period else "")
    return script_parts.build_script(
        title, {"FILES": files}, steps, CONSTANTS + settings + functions + FUNCTIONS, imports
    )
