"""Light Curve and Variable Star: reference values of the PhotonRanch Datalab, and barycentric times by default."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from PIL import Image

from core.errors import BadInput
from examples import starfield
from operations.framework.errors import OperationFailed
from operations.framework.outcome import OutputKind
from operations.science.curves.brightness import instrumental_magnitude
from operations.science.curves.julian_dates import barycentric_julian_date, julian_date
from operations.science.curves.periods import periodogram
from operations.science.curves.points import nearest_source
from operations.science.graphics.chart import draw_chart
from tests.operations.frames import OperationHarness, noise, one
from tests.operations.scripts import run_script

SKY = starfield.Starfield()


def series(harness: OperationHarness, count: int, **parameters: Any) -> list[dict[str, Any]]:
    return [{"source": "demo", "basename": path.name, **parameters} for path in starfield.write(harness.folder, count)]


def table(**columns: list[float]) -> fits.BinTableHDU:
    made = [fits.Column(name=name, format="D", array=np.array(values)) for name, values in columns.items()]
    return fits.BinTableHDU.from_columns(made, name="CAT")


def dated(harness: OperationHarness, name: str, *more: Any, **cards: Any) -> dict[str, Any]:
    cards = {"DATE_OBS": "2026-01-10T04:00:00", "EXPTIME": 60.0, "FILTER": "rp", **cards}
    return harness.save(name, noise((4, 4)), *more, **cards)


def test_magnitudes_from_flux_are_those_of_datalab() -> None:
    mag, error = instrumental_magnitude(100, 5)

    assert (float(mag), float(error)) == (-5.0, 0.05428681023790647)
    assert np.isnan(instrumental_magnitude([0, -1], [1, 1])).all()


def test_the_periodogram_is_that_of_datalab() -> None:
    k = np.arange(40)
    days = 0.37 * k + 0.011 * (k % 7)
    values = 15 + 0.3 * np.sin(2 * np.pi * days / 2.345)

    found = periodogram(days, values, [0.02] * 40)

    assert len(found.frequency) == 501
    assert 1 / found.period == pytest.approx(0.4214453502832665, abs=1e-12)
    assert found.period == pytest.approx(2.372786885, abs=1e-9)
    assert found.power.max() == pytest.approx(0.9809700014, abs=1e-9)
    assert abs(periodogram(days, values, [0.02] * 40, refine=True).period - 2.345) < 0.01


@pytest.mark.parametrize(
    ("days", "values", "sentence"),
    [
        (range(7), range(7), "Only 7 frames have a magnitude with an error; a period needs 8."),
        ([1] * 8, range(8), "The brightness does not change over time. A period cannot be determined."),
        ([*range(7), np.nan], range(8), "Only 7 frames have a magnitude with an error; a period needs 8."),
    ],
)
def test_missing_period_is_explained(days: Any, values: Any, sentence: str) -> None:
    with pytest.raises(OperationFailed) as failed:
        periodogram(days, values, [0.1] * len(values))

    assert failed.value.message == sentence


def test_nearest_source_is_chosen() -> None:
    columns = {"ra": np.array([359.9999, 0.0002, np.nan]), "dec": np.array([0.0, 0.0, 0.0])}

    assert nearest_source(columns, 0.0, 0.0) == (0, pytest.approx(0.36))
    assert nearest_source(columns, 0.01, 0.0) is None
    assert nearest_source({"ra": np.array([]), "dec": np.array([])}, 0.0, 0.0) is None
    assert nearest_source({"ra": np.array([90.0]), "dec": np.array([89.9999])}, 270.0, 89.9999) == (
        0,
        pytest.approx(0.72),
    )


def test_time_without_zone_is_utc() -> None:
    texts = ("2026-01-10T04:00:00", "2026-01-10T04:00:00Z", "2026-01-10T05:00:00+01:00")
    dates = [julian_date(text, "a") for text in texts]

    assert dates == [pytest.approx(Time("2026-01-10T04:00:00", scale="utc").jd, abs=1e-9)] * 3
    with pytest.raises(BadInput, match="a has the observation_date 'soon'"):
        julian_date("soon", "a")


def test_the_barycentric_date_is_that_of_astropy() -> None:
    moment = Time(61050.2, format="mjd", scale="utc", location=EarthLocation.from_geocentric(0, 0, 0, unit="m"))
    travel = moment.light_travel_time(SkyCoord(250.0, 36.0, unit="deg"), "barycentric")

    assert barycentric_julian_date(61050.2, 250.0, 36.0) == pytest.approx((moment.tdb + travel).jd, abs=1e-8)


def test_a_light_curve_follows_the_star(harness: OperationHarness) -> None:
    outcome = harness.run("Light Curve", {"source": SKY.target, "input_files": series(harness, 6)})

    data: Any = outcome.data
    middles = starfield.moments(6) + 30 / 86400
    expected = [SKY.brightness(mjd)[0] for mjd in middles]
    assert [row["mag"] for row in data["light_curve"]] == pytest.approx(expected, abs=0.02)
    assert [row["julian_date"] for row in data["light_curve"]] == pytest.approx(middles + 2400000.5, abs=1e-8)
    assert (data["filter"], data["flux_fallback"], data["excluded_images"]) == ("rp", False, [])
    assert json.loads(outcome.outputs[0].path.read_text()) == data


def test_datalab_takes_its_times_from_the_caller(harness: OperationHarness) -> None:
    items = series(harness, 1, observation_date="2026-02-01T00:00:00", primary_optical_element="rp")

    outcome = harness.run("Light Curve", {"source": SKY.target, "input_files": items, "compatibility": "datalab"})

    data: Any = outcome.data
    assert set(data) == {"target_coords", "light_curve", "flux_fallback", "excluded_images", "source", "filter"}
    [row] = data["light_curve"]
    assert set(row) == {"mag", "magerr", "julian_date", "observation_date"}
    assert row["julian_date"] == Time("2026-02-01T00:00:00", scale="utc").jd


def test_without_magnitudes_all_come_from_flux(harness: OperationHarness) -> None:
    items = [
        dated(harness, "a.fits", table(ra=[10], dec=[20], flux=[100], fluxerr=[5])),
        dated(harness, "b.fits", table(ra=[10], dec=[20], flux=[1000], fluxerr=[5], mag=[12], magerr=[0.1])),
        dated(harness, "c.fits", table(ra=[10], dec=[20], flux=[-1], fluxerr=[5])),
    ]
    raw = {"source": {"ra": 10, "dec": 20}, "input_files": items}

    result: Any = harness.run("Light Curve", raw).data
    datalab: Any = harness.run("Light Curve", raw | {"compatibility": "datalab"}).data

    assert [row["mag"] for row in result["light_curve"]] == [-5, -7.5]
    assert (result["flux_fallback"], result["excluded_images"]) == (True, ["c.fits"])
    assert [row["mag"] for row in datalab["light_curve"]] == [12]
    assert (datalab["flux_fallback"], datalab["excluded_images"]) == (False, ["a.fits", "c.fits"])


def test_frame_without_point_has_a_reason(harness: OperationHarness) -> None:
    cat = table(ra=[10], dec=[20], mag=[12], magerr=[0.1])
    items = [
        dated(harness, "a.fits", cat),
        dated(harness, "b.fits"),
        dated(harness, "c.fits", table(ra=[11], dec=[20], mag=[12])),
        dated(harness, "d.fits", cat, DATE_OBS="2026"),
    ]

    data: Any = harness.run("Light Curve", {"source": {"ra": 10, "dec": 20}, "input_files": items}).data

    assert data["excluded_reasons"] == {
        "b.fits": "It has no catalogue of sources (CAT).",
        "c.fits": "Its catalogue has no source within 4 arcsec of the target.",
        "d.fits": "Its header has no time of observation.",
    }


@pytest.mark.parametrize(
    ("cards", "sentence"),
    [
        ({"FILTER": "gp"}, "Input Files: all files must have one filter; these have gp, rp."),
        ({"FILTER": "V"}, "Input Files: b.fits has filter V; allowed are rp, ip, gp, zs."),
        ({"FILTER": 3}, "Input Files: b.fits has no filter. Set filter in the file."),
    ],
)
def test_the_filter_of_the_header_is_checked(harness: OperationHarness, cards: dict[str, Any], sentence: str) -> None:
    items = [dated(harness, "a.fits"), dated(harness, "b.fits", **cards)]

    with pytest.raises(BadInput) as refused:
        harness.run("Light Curve", {"source": {"ra": 10, "dec": 20}, "input_files": items})

    assert refused.value.message == sentence


def test_star_on_no_frame_fails_the_run(harness: OperationHarness) -> None:
    with pytest.raises(OperationFailed, match=r"^No frame has a source within 4 arcsec of \(10, 20\)"):
        harness.run("Light Curve", {"source": {"ra": 10, "dec": 20}, "input_files": series(harness, 1)})


def test_the_period_of_the_variable_is_found(harness: OperationHarness) -> None:
    data: Any = harness.run("Variable Star", {"source": SKY.target, "input_files": series(harness, 16)}).data

    assert data["period"] == pytest.approx(SKY.period, rel=0.02)
    assert data["fap"] < 1e-6
    assert len(data["frequency"]) == len(data["power"])


@pytest.mark.parametrize("name", ["Light Curve", "Variable Star"])
@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_their_scripts_give_the_same_numbers(harness: OperationHarness, name: str, mode: str) -> None:
    items = series(harness, 9, observation_date="2026-02-01T00:00:00")
    for at, item in enumerate(items):
        item["observation_date"] = f"2026-02-01T0{at}:00:00"
    raw = {"source": SKY.target, "input_files": items, "compatibility": mode}

    run_script(harness, name, raw)

    data: Any = harness.run(name, raw).data
    script = json.loads(Path(harness.folder / "script.json").read_text())
    rows = [{key: value for key, value in row.items() if key != "basename"} for row in data["light_curve"]]
    assert script["light_curve"] == rows
    assert script.get("period") == data.get("period")


def test_curve_has_charts_by_time_and_phase(harness: OperationHarness) -> None:
    outcome = harness.run("Variable Star", {"source": SKY.target, "input_files": series(harness, 9)})

    kinds = [output.kind for output in outcome.outputs]
    assert kinds == ["table", "large", "small", "png", "diagnostic"]
    with Image.open(one(outcome, OutputKind.PNG).path) as picture:
        assert picture.size == (1000, 600)
        inside = np.asarray(picture)[100:500, 100:900]
    assert (inside != 255).any()


def test_point_of_unknown_error_is_drawn() -> None:
    picture = draw_chart([1.0], [12.0], [np.nan], ("days", "magnitude"))

    assert (picture[300, 500] != 255).any()


def test_brighter_points_are_drawn_higher() -> None:
    picture = draw_chart([0.0, 1.0], [10.0, 20.0], [0, 0], ("days", "magnitude"))

    blue = np.argwhere((picture == (20, 80, 160)).all(axis=2))
    left, right = blue[blue[:, 1] < 500], blue[blue[:, 1] > 500]
    assert left[:, 0].mean() < right[:, 0].mean()
