"""Median equals numpy's, without masked pixels."""

import numpy as np
import pytest
from astropy.io import fits

from tests.operations.frames import OperationHarness, cropped, header, noise, pixels
from tests.operations.scripts import run_script, script_pixels


@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("compress", [False, True])
def test_the_median_has_the_bits_of_numpy(harness: OperationHarness, count: int, compress: bool) -> None:
    frames = [noise((40 + n, 50 - n), n) for n in range(count)]
    items = [harness.save(f"{n}.fits", frame, compress=compress) for n, frame in enumerate(frames)]

    outcome = harness.run("Median", {"input_files": items})

    assert pixels(outcome).dtype == np.float32
    np.testing.assert_array_equal(pixels(outcome), np.median(cropped(frames), axis=0))


def test_nan_is_ignored_except_in_datalab_mode(harness: OperationHarness) -> None:
    frames = [[[1, 2, 3], [4, 5, 6]], [[10, 20], [30, 40], [50, 60]], [[7, np.nan, 0], [8, 9, 1]]]
    items = [harness.save(f"{n}.fits", np.array(frame, dtype="f4")) for n, frame in enumerate(frames)]

    result = harness.run("Median", {"input_files": items})
    datalab = harness.run("Median", {"input_files": items, "compatibility": "datalab"})

    np.testing.assert_array_equal(pixels(result), [[7, 11], [8, 9]])
    np.testing.assert_array_equal(pixels(datalab), [[7, np.nan], [8, 9]])


def test_pixel_masked_in_all_frames_is_bad(harness: OperationHarness) -> None:
    mask = np.zeros((4, 4), dtype="u1")
    mask[1, 2] = 1
    items = [harness.save(f"{n}.fits", noise((4, 4), n), fits.ImageHDU(mask, name="BPM")) for n in range(3)]

    outcome = harness.run("Median", {"input_files": items})

    np.testing.assert_array_equal(pixels(outcome, name="BPM"), mask)
    assert np.isnan(pixels(outcome)[1, 2])


def test_noise_is_propagated_from_gain_and_read_noise(harness: OperationHarness) -> None:
    cards = {"GAIN": 2.0, "RDNOISE": 4.0, "EXPTIME": 30.0, "DATE_OBS": "2026-01-01T00:00:00", "SATURATE": 60000}
    items = [harness.save(f"{n}.fits", np.full((4, 4), 800, dtype="f4"), **cards) for n in range(4)]

    outcome = harness.run("Median", {"input_files": items})

    expected = np.sqrt(np.pi / 2) * np.sqrt((800 / 2 + 4) / 4)
    np.testing.assert_allclose(pixels(outcome, name="ERR"), expected, rtol=1e-6)
    found = header(outcome)
    assert (found["NCOMBINE"], found["EXPTIME"], found["TOTEXP"], found["SATURATE"]) == (4, 30, 120, 60000)
    assert found["GAIN"] == pytest.approx(2 * 4 * 2 / np.pi)
    assert found["DATE-AVG"].startswith("2026-01-01T00:00:15")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_its_script_gives_the_same_pixels(harness: OperationHarness, compress: bool, mode: str) -> None:
    items = [harness.save(f"{n}.fits", noise((9, 8 + n), n), compress=compress) for n in range(3)]
    raw = {"input_files": items, "compatibility": mode}

    run_script(harness, "Median", raw)

    np.testing.assert_array_equal(script_pixels(harness), pixels(harness.run("Median", raw)))
