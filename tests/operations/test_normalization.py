"""Normalization: every frame about 1."""

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.outcome import OutputKind
from tests.operations.frames import Bench, header, noise, pixels
from tests.operations.scripts import again, scripted


def test_every_frame_is_divided_by_its_median_and_published_at_once(bench: Bench) -> None:
    frames = [noise((20, 30), n, level=500 * (n + 1)) for n in range(3)]
    work = bench.work()

    outcome = bench.run(
        "Normalization", {"input_files": [bench.save(f"{n}.fits", f) for n, f in enumerate(frames)]}, work
    )

    for n, frame in enumerate(frames):
        np.testing.assert_array_equal(pixels(outcome, n), frame / np.median(frame))
    assert tuple(work.published) == outcome.outputs
    assert [output.index for output in outcome.outputs if output.kind is OutputKind.FITS] == [0, 1, 2]


def test_a_bad_pixel_stays_one_and_for_datalab_spoils_the_frame(bench: Bench) -> None:
    frame = noise((20, 30))
    frame[3, 4] = np.nan
    files = [bench.save("a.fits", frame)]

    ours = pixels(bench.run("Normalization", {"input_files": files}), 0)
    theirs = pixels(bench.run("Normalization", {"input_files": files, "compatibility": "datalab"}), 0)

    assert np.argwhere(np.isnan(ours)).tolist() == [[3, 4]]
    np.testing.assert_array_equal(ours, frame / np.nanmedian(frame))
    assert np.isnan(theirs).all()


def test_a_median_of_zero_is_refused_and_for_datalab_infinite(bench: Bench) -> None:
    files = [bench.save("a.fits", np.array([[-1, 0], [0, 1]], dtype="f4"))]

    with pytest.raises(BadInput, match=r"a\.fits has the median 0 and cannot be divided by it; leave it out"):
        bench.run("Normalization", {"input_files": files})
    theirs = pixels(bench.run("Normalization", {"input_files": files, "compatibility": "datalab"}), 0)
    np.testing.assert_array_equal(theirs, [[-np.inf, np.nan], [np.nan, np.inf]])


def test_noise_and_header_follow_the_scale(bench: Bench) -> None:
    frame = np.full((4, 4), 800, dtype="u2")
    files = [bench.save("a.fits", frame, GAIN=2.0, RDNOISE=4.0, SATURATE=60000)]

    outcome = bench.run("Normalization", {"input_files": files})

    np.testing.assert_allclose(pixels(outcome, 0, "ERR"), np.sqrt(800 / 2 + 4) / 800, rtol=1e-6)
    found = header(outcome, 0)
    assert (found["GAIN"], found["SATURATE"], found["RDNOISE"], found["NORMVAL"]) == (1600, 75, 4, 800)


@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_its_script_gives_the_same_pixels(bench: Bench, mode: str) -> None:
    mask = fits.ImageHDU(np.eye(9, dtype="u1"), name="BPM")
    whole = np.random.default_rng(1).integers(100, 900, (9, 9)).astype("u2")
    raw = {
        "input_files": [bench.save("a.fits", noise((9, 9)), mask), bench.save("b.fits", whole)],
        "compatibility": mode,
    }

    scripted(bench, "Normalization", raw)

    outcome = bench.run("Normalization", raw)
    for index in (0, 1):
        np.testing.assert_array_equal(again(bench, index), pixels(outcome, index))
