"""The stretch and the previews equal those of the PhotonRanch Datalab."""

import numpy as np
import pytest
from PIL import Image

from operations.framework.outcome import OutputKind
from operations.science.graphics.stretch import GAMMA, StretchLimits, find_limits, to_greyscale
from tests.operations.frames import OperationHarness, noise, one


def test_limits_come_from_a_line_fit() -> None:
    pixels = noise((90, 100), level=500, sigma=20)
    samples = np.sort(pixels.ravel()[:: 9000 // 2000].astype("f8"))
    slope, intercept = np.polyfit(np.arange(samples.size), samples, 1)

    found = find_limits(pixels)

    assert found.black == np.median(samples)
    assert found.white == min(samples[-1], intercept + slope / 0.1 * samples.size / 2)
    assert found.white == samples[-1]


def test_bright_stars_do_not_make_the_white() -> None:
    pixels = np.arange(10000, dtype="f8").reshape(100, 100)
    pixels[50] += 1e6

    found = find_limits(pixels)

    assert found.white < 1e6
    assert found.black == pytest.approx(5000, rel=0.02)


@pytest.mark.parametrize("pixels", [np.full((4, 4), np.nan), np.full((4, 4), 7.0), np.zeros((1, 1))])
def test_constant_frame_gives_a_picture(pixels: np.ndarray) -> None:
    assert to_greyscale(pixels, find_limits(pixels)).shape == pixels.shape


def test_counts_become_brightness_top_row_first() -> None:
    picture = to_greyscale(np.array([[0.0, 10.0], [20.0, np.nan]]), StretchLimits(0, 20))

    assert picture.tolist() == [[255, 0], [0, GAMMA[128]]]


def test_previews_have_their_sizes(harness: OperationHarness) -> None:
    outcome = harness.run(
        "Median", {"input_files": [harness.save(f"{n}.fits", noise((300, 2400), n)) for n in range(2)]}
    )

    sizes = {}
    for kind in (OutputKind.LARGE, OutputKind.SMALL, OutputKind.PNG):
        with Image.open(one(outcome, kind).path) as picture:
            sizes[kind] = picture.size
    assert sizes == {OutputKind.LARGE: (2000, 250), OutputKind.SMALL: (200, 25), OutputKind.PNG: (2400, 300)}
