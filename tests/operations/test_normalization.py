"""Normalization scales every frame to a median of 1."""

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.outcome import OutputKind
from tests.operations.frames import OperationHarness, header, noise, pixels
from tests.operations.scripts import run_script, script_pixels


def test_each_normalized_frame_is_published_at_once(harness: OperationHarness) -> None:
    frames = [noise((20, 30), n, level=500 * (n + 1)) for n in range(3)]
    context = harness.context()

    outcome = harness.run(
        "Normalization", {"input_files": [harness.save(f"{n}.fits", f) for n, f in enumerate(frames)]}, context
    )

    for n, frame in enumerate(frames):
        np.testing.assert_array_equal(pixels(outcome, n), frame / np.median(frame))
    assert tuple(context.published) == outcome.outputs
    assert [output.index for output in outcome.outputs if output.kind is OutputKind.FITS] == [0, 1, 2]


def test_bad_pixel_spoils_frame_only_in_datalab_mode(harness: OperationHarness) -> None:
    frame = noise((20, 30))
    frame[3, 4] = np.nan
    files = [harness.save("a.fits", frame)]

    result = pixels(harness.run("Normalization", {"input_files": files}), 0)
    datalab = pixels(harness.run("Normalization", {"input_files": files, "compatibility": "datalab"}), 0)

    assert np.argwhere(np.isnan(result)).tolist() == [[3, 4]]
    np.testing.assert_array_equal(result, frame / np.nanmedian(frame))
    assert np.isnan(datalab).all()


def test_zero_median_is_refused_except_in_datalab_mode(harness: OperationHarness) -> None:
    files = [harness.save("a.fits", np.array([[-1, 0], [0, 1]], dtype="f4"))]

    with pytest.raises(BadInput, match=r"a\.fits has the median 0 and cannot be divided by it\. Leave the frame out"):
        harness.run("Normalization", {"input_files": files})
    datalab = pixels(harness.run("Normalization", {"input_files": files, "compatibility": "datalab"}), 0)
    np.testing.assert_array_equal(datalab, [[-np.inf, np.nan], [np.nan, np.inf]])


def test_noise_and_header_follow_the_scale(harness: OperationHarness) -> None:
    frame = np.full((4, 4), 800, dtype="u2")
    files = [harness.save("a.fits", frame, GAIN=2.0, RDNOISE=4.0, SATURATE=60000)]

    outcome = harness.run("Normalization", {"input_files": files})

    np.testing.assert_allclose(pixels(outcome, 0, "ERR"), np.sqrt(800 / 2 + 4) / 800, rtol=1e-6)
    found = header(outcome, 0)
    assert (found["GAIN"], found["SATURATE"], found["RDNOISE"], found["NORMVAL"]) == (1600, 75, 4, 800)


@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_its_script_gives_the_same_pixels(harness: OperationHarness, mode: str) -> None:
    mask = fits.ImageHDU(np.eye(9, dtype="u1"), name="BPM")
    whole = np.random.default_rng(1).integers(100, 900, (9, 9)).astype("u2")
    raw = {
        "input_files": [harness.save("a.fits", noise((9, 9)), mask), harness.save("b.fits", whole)],
        "compatibility": mode,
    }

    run_script(harness, "Normalization", raw)

    outcome = harness.run("Normalization", raw)
    for index in (0, 1):
        np.testing.assert_array_equal(script_pixels(harness, index), pixels(outcome, index))
