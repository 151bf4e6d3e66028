"""Color Image: channels added in their colours, laid on each other by their stars."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from operations.framework.outcome import Outcome, OutputKind
from operations.science.graphics.stretch import GAMMA
from tests.operations.frames import Bench, noise, one
from tests.operations.scripts import scripted, wcs_cards

SHAPE = (180, 200)


def picture(outcome: Outcome) -> NDArray[Any]:
    return shown(one(outcome, OutputKind.PNG).path)


def shown(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def channel(bench: Bench, name: str, pixels: Any, color: tuple[int, ...], *more: Any, **said: Any) -> dict[str, Any]:
    item = bench.save(name, pixels, *more, **said.pop("cards", {}))
    return {**item, "color": dict(zip("rgb", color, strict=True)), **said}


def field(seed: int, turn: float = 0.0, shift: tuple[float, float] = (0, 0)) -> tuple[NDArray[Any], fits.BinTableHDU]:
    """Stars of one field, turned and shifted, on noise of their own, and the catalogue of them."""
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


def test_the_gamma_table_is_that_of_datalab() -> None:
    assert [int(GAMMA[at]) for at in (0, 1, 16, 64, 128, 255)] == [0, 27, 84, 147, 194, 255]


@pytest.mark.parametrize("mode", ["off", "datalab"])
def test_one_channel_is_a_picture(bench: Bench, mode: str) -> None:
    pixels = np.array([[0, 50, 100], [150, 200, 300]], dtype="f4")
    item = channel(bench, "a.fits", pixels, (255, 128, 0), zmin=50, zmax=200)

    outcome = bench.run("Color Image", {"color_channels": [item], "compatibility": mode})

    value = (np.clip(pixels, 50, 200) - 50) * 255 / 150
    expected = GAMMA[np.rint(value[..., None] * np.array([255, 128, 0]) / 255).astype("u1")][::-1]
    np.testing.assert_array_equal(picture(outcome), expected)
    assert tifffile.imread(one(outcome, OutputKind.TIF).path).dtype == ("u1" if mode == "datalab" else "u2")


def test_channels_are_added_and_cut_at_white(bench: Bench) -> None:
    items = [
        channel(bench, f"{n}.fits", np.full((4, 4), 100, dtype="f4"), color, zmin=0, zmax=100)
        for n, color in enumerate([(255, 0, 0), (200, 100, 0), (0, 0, 64)])
    ]

    outcome = bench.run("Color Image", {"color_channels": items, "alignment": "none"})

    assert picture(outcome)[0, 0].tolist() == [255, GAMMA[100], GAMMA[64]]


def test_equal_limits_are_widened(bench: Bench) -> None:
    item = channel(bench, "a.fits", np.array([[99, 100], [101, 102]], dtype="f4"), (255, 255, 255), zmin=100, zmax=100)

    outcome = bench.run("Color Image", {"color_channels": [item]})

    assert picture(outcome)[::-1, :, 0].tolist() == [[0, GAMMA[128]], [255, 255]]


def test_unequal_frames_are_cut_about_their_middle(bench: Bench) -> None:
    large = np.zeros((6, 8), dtype="f4")
    large[2:4, 2:6] = 100
    items = [
        channel(bench, "a.fits", large, (255, 0, 0), zmin=0, zmax=100),
        channel(bench, "b.fits", np.full((2, 4), 100, dtype="f4"), (0, 255, 0), zmin=0, zmax=100),
    ]

    outcome = bench.run("Color Image", {"color_channels": items, "alignment": "none"})

    assert picture(outcome).tolist() == [[[255, 255, 0]] * 4] * 2


@pytest.mark.parametrize(("mode", "catalogs"), [("off", True), ("off", False), ("datalab", True)])
def test_frames_are_laid_on_the_first_by_their_stars(bench: Bench, mode: str, catalogs: bool) -> None:
    items = []
    for n, (turn, shift) in enumerate([(0, (0, 0)), (3, (4.3, -2.6))]):
        pixels, catalog = field(n, turn, shift)
        more = [catalog] if catalogs else []
        color = ((255, 0, 0), (0, 255, 0))[n]
        items.append(channel(bench, f"{n}.fits", pixels, color, *more, zmin=100, zmax=2500))

    outcome = bench.run("Color Image", {"color_channels": items, "compatibility": mode})

    red, green = (picture(outcome)[30:150, 30:150, at].astype(float) for at in (0, 1))
    assert np.corrcoef(red.ravel(), green.ravel())[0, 1] > 0.95
    assert outcome.warnings == ()


def test_datalab_aligns_nothing_when_a_catalogue_is_missing(bench: Bench) -> None:
    first, catalog = field(0)
    items = [
        channel(bench, "a.fits", first, (255, 0, 0), catalog),
        channel(bench, "b.fits", field(1, 3)[0], (0, 255, 0)),
    ]

    outcome = bench.run("Color Image", {"color_channels": items, "compatibility": "datalab"})

    assert outcome.warnings == ("The frames could not be aligned by their catalogues.",)


def test_a_frame_that_shows_other_stars_is_named(bench: Bench) -> None:
    items = [
        channel(bench, "a.fits", field(0)[0], (255, 0, 0)),
        channel(bench, "b.fits", noise(SHAPE, 5), (0, 255, 0)),
    ]

    outcome = bench.run("Color Image", {"color_channels": items})

    assert outcome.warnings == ("b.fits could not be aligned: its stars do not match; it is shown as it lies.",)


def test_files_for_looking_have_their_sizes(bench: Bench) -> None:
    item = channel(bench, "a.fits", noise((300, 450)), (255, 255, 255))

    outcome = bench.run("Color Image", {"color_channels": [item]})

    sizes = {output.kind: size(output.path) for output in outcome.outputs if output.kind != "tif"}
    assert sizes == {OutputKind.LARGE: (450, 300), OutputKind.SMALL: (200, 133), OutputKind.PNG: (450, 300)}


@pytest.mark.parametrize(
    "choice", [{}, {"alignment": "wcs"}, {"alignment": "none"}, {"compatibility": "datalab"}], ids=str
)
@pytest.mark.parametrize("catalogs", [True, False])
def test_its_script_gives_the_same_picture(bench: Bench, choice: dict[str, Any], catalogs: bool) -> None:
    items = []
    for n in range(3):
        pixels, catalog = field(n, n, (n, 2 * n))
        cards = wcs_cards(SHAPE, angle=n)
        color = ((255, 0, 10), (0, 200, 0), (0, 0, 255))[n]
        items.append(channel(bench, f"{n}.fits", pixels, color, *([catalog] if catalogs else []), cards=cards))
    raw = {"color_channels": items, **choice}

    scripted(bench, "Color Image", raw)

    outcome = bench.run("Color Image", raw)
    np.testing.assert_array_equal(shown(bench.folder / "again.png"), picture(outcome))
    again = tifffile.imread(bench.folder / "again.tif")
    np.testing.assert_array_equal(again, tifffile.imread(one(outcome, OutputKind.TIF).path))
