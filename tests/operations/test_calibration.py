"""Calibration equals ccdproc, with the noise of frames and masters."""

from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData
from ccdproc import flat_correct, subtract_bias, subtract_dark

from core.errors import BadInput
from examples import starfield
from operations.framework.registry import find
from operations.framework.validation import validate
from tests.operations.frames import OperationHarness, header, noise, pixels
from tests.operations.scripts import run_script, script_pixels

SHAPE = (40, 50)
KINDS = {"bias_files": "bias", "dark_files": "dark", "flat_files": "flat"}


def raw(harness: OperationHarness, *kinds: str, count: int = 5) -> dict[str, Any]:
    """Write calibration frames and return the inputs that list those of the given kinds."""
    paths = starfield.write_calibration(harness.folder, count, SHAPE)
    by_input = {
        key: [{"source": "demo", "basename": path.name} for path in paths if f"-{kind}-" in path.name]
        for key, kind in {"input_files": "sky", **KINDS}.items()
    }
    return {key: items for key, items in by_input.items() if key in {"input_files", *kinds}}


def ccd(harness: OperationHarness, kind: str) -> list[CCDData]:
    found = []
    for path in sorted(harness.folder.glob(f"calibration-{kind}-*.fits")):
        frame = CCDData(fits.getdata(path).astype("f8"), unit="adu")
        frame.header["EXPTIME"] = fits.getheader(path, "SCI")["EXPTIME"]
        found.append(frame)
    return found


def test_calibration_equals_ccdproc(harness: OperationHarness) -> None:
    outcome = harness.run("Calibration", raw(harness, *KINDS))

    seconds = {"exposure_time": "EXPTIME", "exposure_unit": units.second}
    bias = CCDData(np.median([frame.data for frame in ccd(harness, "bias")], axis=0), unit="adu")
    darks = [subtract_bias(frame, bias).data / 120 for frame in ccd(harness, "dark")]
    dark = CCDData(np.median(darks, axis=0), unit="adu", header={"EXPTIME": 1.0})

    def cleared(frame: CCDData) -> CCDData:
        return subtract_dark(subtract_bias(frame, bias), dark, scale=True, **seconds)

    flats = [cleared(frame).data for frame in ccd(harness, "flat")]
    flat = CCDData(np.median([frame / np.median(frame) for frame in flats], axis=0), unit="adu")
    [sky] = ccd(harness, "sky")
    expected = flat_correct(cleared(sky), flat, norm_value=float(np.median(flat.data))).data
    np.testing.assert_allclose(pixels(outcome, 0), expected, rtol=2e-6, atol=2e-3)
    found = header(outcome, 0)
    assert (found["BIASCORR"], found["DARKCORR"], found["FLATCORR"]) == (True, True, True)


def test_uncertainty_matches_the_scatter(harness: OperationHarness) -> None:
    outcome = harness.run("Calibration", raw(harness, *KINDS, count=9))

    sky, error = pixels(outcome, 0), pixels(outcome, 0, "ERR")
    rows, columns = np.indices(SHAPE)
    assert np.std((sky - np.median(sky)) / error) == pytest.approx(1, abs=0.1)
    assert rows.shape == columns.shape == error.shape


@pytest.mark.parametrize("kinds", [("bias_files",), ("dark_files",), ("flat_files",), ("bias_files", "flat_files")])
@pytest.mark.parametrize("combination", ["median", "mean", "sigma_clipped"])
def test_its_script_gives_the_same_pixels(harness: OperationHarness, kinds: tuple[str, ...], combination: str) -> None:
    inputs = {**raw(harness, *kinds, count=4), "combination": combination}

    run_script(harness, "Calibration", inputs)

    np.testing.assert_array_equal(script_pixels(harness, 0), pixels(harness.run("Calibration", inputs), 0))


def test_pixels_without_flat_signal_are_bad(harness: OperationHarness) -> None:
    flat = np.full((4, 4), 100, dtype="f4")
    flat[1, 2] = 0
    raw = {"input_files": [harness.save("a.fits", noise((4, 4)))], "flat_files": [harness.save("f.fits", flat)]}

    outcome = harness.run("Calibration", raw)

    assert np.argwhere(pixels(outcome, 0, "BPM")).tolist() == [[1, 2]]


def test_at_least_one_kind_is_required() -> None:
    with pytest.raises(BadInput, match=r"Calibration needs bias, dark or flat files\. Add at least one kind"):
        validate(find("Calibration"), {"input_files": [{"basename": "a"}]})


@pytest.mark.parametrize(
    ("kind", "frame", "cards", "sentence"),
    [
        ("bias_files", (4, 5), {}, "b.fits has 5 x 4 pixels and a.fits 4 x 4. Calibration frames must have the shape"),
        ("dark_files", (4, 4), {}, r"The header of b.fits has no exposure \(EXPTIME\). Leave it out"),
        ("dark_files", (4, 4), {"EXPTIME": 0}, "b.fits is a dark with an exposure of 0 s. Use it as a bias file"),
        (
            "flat_files",
            (4, 4),
            {"LEVEL": -5},
            "b.fits is a flat with a median of -5 after bias and dark. Leave the frame out",
        ),
        ("flat_files", (4, 4), {"LEVEL": np.nan}, "b.fits has no good pixel. Leave the frame out"),
    ],
)
def test_unsuitable_frame_is_named(
    harness: OperationHarness, kind: str, frame: tuple[int, int], cards: dict[str, float], sentence: str
) -> None:
    level = cards.pop("LEVEL", 1.0)
    raw = {
        "input_files": [harness.save("a.fits", noise((4, 4)), EXPTIME=10.0)],
        kind: [harness.save("b.fits", np.full(frame, level, dtype="f4"), **cards)],
    }

    with pytest.raises(BadInput, match=f"^{sentence}"):
        harness.run("Calibration", raw)
