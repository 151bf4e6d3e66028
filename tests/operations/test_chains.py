"""A result is an input of the next operation, with its masks and uncertainties."""

import shutil
from typing import Any

import numpy as np
import pytest

from examples import starfield
from operations.framework.outcome import OperationOutcome, OutputKind
from tests.operations.frames import OperationHarness, header, noise, pixels

CARDS = {"GAIN": 1.7, "RDNOISE": 3.2, "EXPTIME": 30.0}


def results(harness: OperationHarness, outcome: OperationOutcome, stem: str) -> list[dict[str, Any]]:
    """Put the FITS files of a result among the frames and return their items."""
    made = [output for output in outcome.outputs if output.kind is OutputKind.FITS]
    for at, output in enumerate(made):
        shutil.copy(output.path, harness.folder / f"{stem}-{at}.fits")
    return [{"source": "datasession", "basename": f"{stem}-{at}.fits"} for at in range(len(made))]


def test_flagged_hits_are_left_out_of_a_stack(harness: OperationHarness) -> None:
    frames = [noise((60, 60), n, sigma=24) for n in range(3)]
    frames[1][20, 30] += 9000
    items = [harness.save(f"{n}.fits", frame, **CARDS) for n, frame in enumerate(frames)]
    cleaned = results(harness, harness.run("Cosmic Ray Rejection", {"input_files": items, "repair": "flag"}), "clean")

    stack = harness.run("Stacking", {"input_files": cleaned, "combination": "mean"})

    expected = (frames[0][20, 30] + frames[2][20, 30]) / 2
    assert pixels(stack)[20, 30] == pytest.approx(expected, rel=1e-6)
    noise_of_two = np.sqrt(sum(frames[n][20, 30] / 1.7 + (3.2 / 1.7) ** 2 for n in (0, 2))) / 2
    assert pixels(stack, name="ERR")[20, 30] == pytest.approx(noise_of_two, rel=1e-5)
    assert header(stack)["EXPTIME"] == 30


def test_calibrated_frames_keep_noise_through_subtraction(harness: OperationHarness) -> None:
    paths = [path.name for path in starfield.write_calibration(harness.folder, 3, (40, 50))]

    def items(kind: str) -> list[dict[str, Any]]:
        return [{"source": "demo", "basename": name} for name in paths if f"-{kind}-" in name]

    raw = {"input_files": items("sky") + items("flat"), "bias_files": items("bias")}
    calibrated = results(harness, harness.run("Calibration", raw), "calibrated")

    # The first two are flats of one level.
    less = harness.run("Subtraction", {"input_files": calibrated[1:], "subtraction_file": calibrated[:1]})

    difference, error = pixels(less, 0), pixels(less, 0, "ERR")
    assert np.std(difference / error) == pytest.approx(1, abs=0.1)
    assert np.isfinite(error).all()
