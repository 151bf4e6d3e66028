"""Color Image: channels are aligned by their stars and added in their colours."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from operations.framework.outcome import OperationOutcome, OutputKind
from operations.science.graphics.stretch import GAMMA
from tests.operations.frames import OperationHarness, noise, one
from tests.operations.scripts import run_script, wcs_cards

SHAPE = (180, 200)


def picture(outcome: OperationOutcome) -> NDArray[Any]:
    return read_picture(one(outcome, OutputKind.PNG).path)


def read_picture(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def channel(
    harness: OperationHarness, name: str, pixels: Any, color: tuple[int, ...], *more: Any, **parameters: Any
) -> dict[str, Any]:
    item = harness.save(name, pixels, *more, **parameters.pop("cards", {}))
    return {**item, "color": dict(zip("rgb", color, strict=True)), **parameters}


def field(seed: int, turn: float = 0.0, shift: tuple[float, float] = (0, 0)) -> tuple[NDArray[Any], fits.BinTableHDU]:
    """Return the stars of one field, rotated and shifted, on independent noise, and their catalogue."""
    places = np.random.default_rng(7).uniform(20, 160, (25, 2))
    bright = np.random.default_rng(8).uniform(2000, 60000, 25)
    angle, middle = np.radians(turn), np.array([100, 90])
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (places - middle) @ matrix.T + middle + shift
    rows, columns = np.indices(SHAPE)
    pixels = noise(SHAPE, seed, level=100, sigma=3)
    for (x, y), flux in zip(moved, bright, strict=True):
        pixels += (flux / 25 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)).astype("f4")
    columns = [
        fits.Column(name=name, format="D", array=array)
        for name, array in (("x", moved[:, 0] + 1), ("y", moved[:, 1] + 1), ("flux", bright))
    ]
    return pixels, fits.BinTableHDU.from_columns(columns, name="CAT")


def test_gamma_table_equals_datalab() -> None:
    assert [int(GAMMA[at]) for at in (0, 1, 16, 64, 128, 255)] == [0, 27, 84, 147, 194, 255]


@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_one_channel_gives_a_picture(harness: OperationHarness, mode: str) -> None:
    pixels = np.array([[0, 50, 100], [150, 200, 300]], dtype="f4")
    item = channel(harness, "a.fits", pixels, (255, 128, 0), zmin=50, zmax=200)

    outcome = harness.run("Color Image", {"color_channels": [item], "compatibility": mode})

    value = (np.clip(pixels, 50, 200) - 50) * 255 / 150
    expected = GAMMA[np.rint(value[..., None] * np.array([255, 128, 0]) / 255).astype("u1")][::-1]
    np.testing.assert_array_equal(picture(outcome), expected)
    assert tifffile.imread(one(outcome, OutputKind.TIF).path).dtype == ("u1" if mode == "datalab" else "u2")


def test_channels_are_added_and_cut_at_white(harness: OperationHarness) -> None:
    items = [
        channel(harness, f"{n}.fits", np.full((4, 4), 100, dtype="f4"), color, zmin=0, zmax=100)
        for n, color in enumerate([(255, 0, 0), (200, 100, 0), (0, 0, 64)])
    ]

    outcome = harness.run("Color Image", {"color_channels": items, "alignment": "none"})

    assert picture(outcome)[0, 0].tolist() == [255, GAMMA[100], GAMMA[64]]


def test_equal_limits_are_widened(harness: OperationHarness) -> None:
    item = channel(
        harness, "a.fits", np.array([[99, 100], [101, 102]], dtype="f4"), (255, 255, 255), zmin=100, zmax=100
    )

    outcome = harness.run("Color Image", {"color_channels": [item]})

    assert picture(outcome)[::-1, :, 0].tolist() == [[0, GAMMA[128]], [255, 255]]


def test_unequal_frames_are_cropped_about_their_centre(harness: OperationHarness) -> None:
    large = np.zeros((6, 8), dtype="f4")
    large[2:4, 2:6] = 100
    items = [
        channel(harness, "a.fits", large, (255, 0, 0), zmin=0, zmax=100),
        channel(harness, "b.fits", np.full((2, 4), 100, dtype="f4"), (0, 255, 0), zmin=0, zmax=100),
    ]

    outcome = harness.run("Color Image", {"color_channels": items, "alignment": "none"})

    assert picture(outcome).tolist() == [[[255, 255, 0]] * 4] * 2


@pytest.mark.parametrize(("mode", "catalogs"), [("off", True), ("off", False), ("datalab", True)])
def test_frames_are_aligned_by_their_stars(harness: OperationHarness, mode: str, catalogs: bool) -> None:
    items = []
    for n, (turn, shift) in enumerate([(0, (0, 0)), (3, (4.3, -2.6))]):
        pixels, catalog = field(n, turn, shift)
        more = [catalog] if catalogs else []
        color = ((255, 0, 0), (0, 255, 0))[n]
        items.append(channel(harness, f"{n}.fits", pixels, color, *more, zmin=100, zmax=2500))

    outcome = harness.run("Color Image", {"color_channels": items, "compatibility": mode})

    red, green = (picture(outcome)[30:150, 30:150, at].astype(float) for at in (0, 1))
    assert np.corrcoef(red.ravel(), green.ravel())[0, 1] > 0.95
    assert outcome.warnings == ()


def test_datalab_mode_needs_all_catalogues(harness: OperationHarness) -> None:
    first, catalog = field(0)
    items = [
        channel(harness, "a.fits", first, (255, 0, 0), catalog),
        channel(harness, "b.fits", field(1, 3)[0], (0, 255, 0)),
    ]

    outcome = harness.run("Color Image", {"color_channels": items, "compatibility": "datalab"})

    assert outcome.warnings == ("The frames could not be aligned by their catalogues.",)


def test_frame_with_other_stars_gets_a_warning(harness: OperationHarness) -> None:
    items = [
        channel(harness, "a.fits", field(0)[0], (255, 0, 0)),
        channel(harness, "b.fits", noise(SHAPE, 5), (0, 255, 0)),
    ]

    outcome = harness.run("Color Image", {"color_channels": items})

    assert outcome.warnings == ("b.fits is not aligned: its stars do not match those of the first frame.",)


def test_previews_of_colour_images_have_their_sizes(harness: OperationHarness) -> None:
    item = channel(harness, "a.fits", noise((300, 450)), (255, 255, 255))

    outcome = harness.run("Color Image", {"color_channels": [item]})

    sizes = {output.kind: size(output.path) for output in outcome.outputs if output.kind != "tif"}
    assert sizes == {OutputKind.LARGE: (450, 300), OutputKind.SMALL: (200, 133), OutputKind.PNG: (450, 300)}


@pytest.mark.parametrize(
    "choice", [{}, {"alignment": "wcs"}, {"alignment": "none"}, {"compatibility": "datalab"}], ids=str
)
@pytest.mark.parametrize("catalogs", [True, False])
def test_its_script_gives_the_same_picture(harness: OperationHarness, choice: dict[str, Any], catalogs: bool) -> None:
    items = []
    for n in range(3):
        pixels, catalog = field(n, n, (n, 2 * n))
        cards = wcs_cards(SHAPE, angle=n)
        color = ((255, 0, 10), (0, 200, 0), (0, 0, 255))[n]
        items.append(channel(harness, f"{n}.fits", pixels, color, *([catalog] if catalogs else []), cards=cards))
    raw = {"color_channels": items, **choice}

    run_script(harness, "Color Image", raw)

    outcome = harness.run("Color Image", raw)
    np.testing.assert_array_equal(read_picture(harness.folder / "script.png"), picture(outcome))
    script_picture = tifffile.imread(harness.folder / "script.tif")
    np.testing.assert_array_equal(script_picture, tifffile.imread(one(outcome, OutputKind.TIF).path))
