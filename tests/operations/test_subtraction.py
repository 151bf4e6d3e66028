"""Subtraction: differences that do not wrap."""

import numpy as np
import pytest

from tests.operations.frames import Bench, cropped, header, noise, pixels
from tests.operations.scripts import again, scripted


def test_unsigned_counts_go_below_zero_and_for_datalab_wrap(bench: Bench) -> None:
    raw = {
        "input_files": [bench.save("a.fits", np.array([[5, 9]], dtype="u2"))],
        "subtraction_file": [bench.save("b.fits", np.array([[7, 2]], dtype="u2"))],
    }

    ours = bench.run("Subtraction", raw)
    theirs = bench.run("Subtraction", raw | {"compatibility": "datalab"})

    np.testing.assert_array_equal(pixels(ours, 0), [[-2, 7]])
    np.testing.assert_array_equal(pixels(theirs, 0), [[65534, 7]])
    assert pixels(theirs, 0).dtype == np.uint16


def test_every_frame_is_cut_to_what_both_have(bench: Bench) -> None:
    frames = [noise((10, 20), 1), noise((12, 8), 2)]
    taken = noise((20, 10), 3)
    raw = {
        "input_files": [bench.save(f"{n}.fits", frame) for n, frame in enumerate(frames)],
        "subtraction_file": [bench.save("t.fits", taken)],
    }

    outcome = bench.run("Subtraction", raw)

    for n, frame in enumerate(frames):
        one, other = cropped([frame, taken])
        np.testing.assert_array_equal(pixels(outcome, n), one - other)


def test_noise_adds_in_quadrature(bench: Bench) -> None:
    cards = {"GAIN": 2.0, "RDNOISE": 4.0}
    raw = {
        "input_files": [bench.save("a.fits", np.full((4, 4), 800, "f4"), **cards)],
        "subtraction_file": [bench.save("b.fits", np.full((4, 4), 200, "f4"), **cards)],
    }

    outcome = bench.run("Subtraction", raw)

    np.testing.assert_allclose(pixels(outcome, 0, "ERR"), np.sqrt(400 + 4 + 100 + 4), rtol=1e-6)
    assert header(outcome, 0)["RDNOISE"] == pytest.approx(np.hypot(4, 4))


@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_its_script_gives_the_same_pixels(bench: Bench, mode: str) -> None:
    counts = np.random.default_rng(1).integers(100, 900, (12, 9)).astype("u2")
    raw = {
        "input_files": [bench.save("a.fits", noise((9, 9))), bench.save("b.fits", counts)],
        "subtraction_file": [bench.save("t.fits", counts[:8])],
        "compatibility": mode,
    }

    scripted(bench, "Subtraction", raw)

    outcome = bench.run("Subtraction", raw)
    for index in (0, 1):
        np.testing.assert_array_equal(again(bench, index), pixels(outcome, index))
