"""Memory does not grow with the number of frames and stays below the estimate; measured in a process of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from bench.operations import MIB, measure
from tests.operations.frames import noise
from tests.operations.scripts import wcs_cards

SHAPE = (512, 1024)
CARDS = {"GAIN": 1.7, "RDNOISE": 3.2, "EXPTIME": 10.0}


def frames(folder: Path, count: int, *, compress: bool = False, **cards: Any) -> list[dict[str, str]]:
    """Write four frames and link them under `count` names."""
    for at in range(4):
        pixels = noise(SHAPE, at, level=1000 * (at + 1))
        hdu: Any = fits.ImageHDU(pixels, fits.Header({**cards}), name="SCI")
        if compress:
            hdu = fits.CompImageHDU(pixels, name="SCI", compression_type="RICE_1", quantize_level=16)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(folder / f"frame-{at}")
    for at in range(count):
        (folder / f"{at:03d}.fits").hardlink_to(folder / f"frame-{at % 4}")
    return [{"source": "", "basename": f"{at:03d}.fits"} for at in range(count)]


@pytest.mark.parametrize("compress", [False, True])
def test_memory_is_independent_of_frame_count(tmp_path: Path, compress: bool) -> None:
    peaks = []
    for count in (20, 200):
        folder = tmp_path / str(count)
        folder.mkdir()
        found = measure("Median", folder, {"input_files": frames(folder, count, compress=compress)})
        peaks.append(found["peak"])

    assert peaks[1] < 300 * MIB
    assert peaks[1] < peaks[0] + 80 * MIB


ONE, MANY = 1, 6
CASES: list[tuple[str, int, dict[str, Any]]] = [
    ("Median", MANY, {}),
    ("Normalization", ONE, {}),
    ("Subtraction", ONE, {"subtraction_file": ["000.fits"]}),
    ("Stacking", MANY, {"combination": "sigma_clipped"}),
    ("Stacking", 2, {"stacking_mode": "reproject"}),
    ("Color Image", 3, {"alignment": "wcs"}),
    ("Calibration", ONE, {"bias_files": ["001.fits"], "dark_files": ["002.fits"], "flat_files": ["003.fits"]}),
    ("Cosmic Ray Rejection", ONE, {"rounds": 1}),
]


@pytest.mark.parametrize(("name", "count", "more"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_run_stays_below_its_estimate(tmp_path: Path, name: str, count: int, more: dict[str, Any]) -> None:
    items = frames(tmp_path, max(count, 4), **CARDS, **wcs_cards(SHAPE))
    key = "color_channels" if name == "Color Image" else "input_files"
    files = {other: [{"basename": each} for each in value] for other, value in more.items() if isinstance(value, list)}

    found = measure(name, tmp_path, {key: items[:count], **more, **files})

    assert found["peak"] < found["estimate"] < 3 * found["peak"]
    assert np.isfinite(found["seconds"])
