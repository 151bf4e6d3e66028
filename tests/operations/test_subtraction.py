"""Subtraction: differences that do not wrap."""

import numpy as np
import pytest

from tests.operations.frames import OperationHarness, cropped, header, noise, pixels
from tests.operations.scripts import run_script, script_pixels


def test_unsigned_counts_wrap_only_in_datalab_mode(harness: OperationHarness) -> None:
    raw = {
        "input_files": [harness.save("a.fits", np.array([[5, 9]], dtype="u2"))],
        "subtraction_file": [harness.save("b.fits", np.array([[7, 2]], dtype="u2"))],
    }

    result = harness.run("Subtraction", raw)
    datalab = harness.run("Subtraction", raw | {"compatibility": "datalab"})

    np.testing.assert_array_equal(pixels(result, 0), [[-2, 7]])
    np.testing.assert_array_equal(pixels(datalab, 0), [[65534, 7]])
    assert pixels(datalab, 0).dtype == np.uint16


def test_frames_are_cropped_to_their_common_part(harness: OperationHarness) -> None:
    frames = [noise((10, 20), 1), noise((12, 8), 2)]
    taken = noise((20, 10), 3)
    raw = {
        "input_files": [harness.save(f"{n}.fits", frame) for n, frame in enumerate(frames)],
        "subtraction_file": [harness.save("t.fits", taken)],
    }

    outcome = harness.run("Subtraction", raw)

    for n, frame in enumerate(frames):
        one, other = cropped([frame, taken])
        np.testing.assert_array_equal(pixels(outcome, n), one - other)


def test_noise_adds_in_quadrature(harness: OperationHarness) -> None:
    cards = {"GAIN": 2.0, "RDNOISE": 4.0}
    raw = {
        "input_files": [harness.save("a.fits", np.full((4, 4), 800, "f4"), **cards)],
        "subtraction_file": [harness.save("b.fits", np.full((4, 4), 200, "f4"), **cards)],
    }

    outcome = harness.run("Subtraction", raw)

    np.testing.assert_allclose(pixels(outcome, 0, "ERR"), np.sqrt(400 + 4 + 100 + 4), rtol=1e-6)
    assert header(outcome, 0)["RDNOISE"] == pytest.approx(np.hypot(4, 4))


@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_its_script_gives_the_same_pixels(harness: OperationHarness, mode: str) -> None:
    counts = np.random.default_rng(1).integers(100, 900, (12, 9)).astype("u2")
    raw = {
        "input_files": [harness.save("a.fits", noise((9, 9))), harness.save("b.fits", counts)],
        "subtraction_file": [harness.save("t.fits", counts[:8])],
        "compatibility": mode,
    }

    run_script(harness, "Subtraction", raw)

    outcome = harness.run("Subtraction", raw)
    for index in (0, 1):
        np.testing.assert_array_equal(script_pixels(harness, index), pixels(outcome, index))
