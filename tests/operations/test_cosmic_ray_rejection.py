"""Cosmic Ray Rejection equals astroscrappy on the whole frame."""

from typing import Any

import astroscrappy
import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations import cosmic_ray_rejection
from tests.operations import shipped
from tests.operations.frames import OperationHarness, header, noise, pixels
from tests.operations.scripts import run_script, script_pixels

NAME = "Cosmic Ray Rejection"
CARDS = {"GAIN": 1.7, "RDNOISE": 3.2, "SATURATE": 60000}


def hit(shape: tuple[int, int], seed: int = 3) -> Any:
    frame = noise(shape, seed, sigma=25)
    random = np.random.default_rng(seed)
    for _ in range(shape[0] * shape[1] // 300):
        row, column = random.integers(2, shape[0] - 4), random.integers(2, shape[1] - 4)
        frame[row : row + random.integers(1, 3), column : column + random.integers(1, 3)] += random.uniform(500, 9000)
    return frame


def test_real_frame_is_cleaned_like_astroscrappy(harness: OperationHarness) -> None:
    outcome = harness.run(NAME, {"input_files": [shipped.copy_frame(harness, "gmos")]})

    with fits.open(shipped.path("gmos")) as file:
        frame, variance = (np.ascontiguousarray(file[name].data, dtype="f4") for name in ("SCI", "VAR"))
    mask, clean = astroscrappy.detect_cosmics(frame, invar=variance, readnoise=0, satlevel=np.inf)
    np.testing.assert_array_equal(pixels(outcome, 0, "BPM") != 0, mask)
    np.testing.assert_array_equal(pixels(outcome, 0), np.where(mask, clean, frame))
    assert mask.sum() > 100


def test_bands_give_the_result_of_the_whole(harness: OperationHarness) -> None:
    frame = hit((2000, 150))
    assert frame.size > cosmic_ray_rejection.MAX_BAND_PIXELS

    outcome = harness.run(NAME, {"input_files": [harness.save("a.fits", frame, **CARDS)]})

    mask, clean = astroscrappy.detect_cosmics(frame, gain=1.7, readnoise=3.2, satlevel=60000 * 1.7)
    np.testing.assert_array_equal(pixels(outcome, 0, "BPM") != 0, mask)
    np.testing.assert_array_equal(pixels(outcome, 0), np.where(mask, clean, frame))


def test_hits_are_counted_and_flagged(harness: OperationHarness) -> None:
    frame = noise((60, 60), sigma=25)
    frame[20, 30] += 5000
    items = [harness.save("a.fits", frame, **CARDS)]

    outcome = harness.run(NAME, {"input_files": items})
    flagged = harness.run(NAME, {"input_files": items, "repair": "flag"})

    hits = int(np.count_nonzero(pixels(flagged, 0, "BPM")))
    assert outcome.data == {"frames": [{"basename": "a.fits", "hit_pixels": hits}]}
    assert header(outcome, 0)["CRPIXELS"] == hits <= 3
    assert abs(pixels(outcome, 0)[20, 30] - 1000) < 100
    assert pixels(flagged, 0)[20, 30] == frame[20, 30]
    assert pixels(flagged, 0, "BPM")[20, 30]


def test_bad_pixel_stays_bad_without_spreading(harness: OperationHarness) -> None:
    frame = noise((60, 60), sigma=25)
    frame[10, 10] = np.nan

    outcome = harness.run(NAME, {"input_files": [harness.save("a.fits", frame, **CARDS)]})

    assert np.argwhere(np.isnan(pixels(outcome, 0))).tolist() == [[10, 10]]


@pytest.mark.parametrize(("card", "missing"), [("GAIN", r"gain \(GAIN\)"), ("RDNOISE", r"read noise \(RDNOISE\)")])
def test_missing_noise_parameter_is_requested(harness: OperationHarness, card: str, missing: str) -> None:
    cards = {key: value for key, value in CARDS.items() if key != card}
    items = [harness.save("a.fits", noise((9, 9)), **cards)]

    with pytest.raises(BadInput, match=f"^The header of a.fits has no {missing}. Set it in the inputs"):
        harness.run(NAME, {"input_files": items})
    assert harness.run(NAME, {"input_files": items, "gain": 1.7, "read_noise": 3.2}).outputs


@pytest.mark.parametrize(
    "choice", [{}, {"repair": "flag", "sigclip": 6}, {"gain": 2.0, "read_noise": 5.0, "rounds": 2}]
)
def test_its_script_gives_the_same_pixels(harness: OperationHarness, choice: dict[str, Any]) -> None:
    raw = {
        "input_files": [harness.save("a.fits", hit((120, 90)), **CARDS), shipped.copy_frame(harness, "gmos")],
        **choice,
    }

    run_script(harness, NAME, raw)

    outcome = harness.run(NAME, raw)
    for index in (0, 1):
        np.testing.assert_array_equal(script_pixels(harness, index), pixels(outcome, index))
