"""Runs the scripts of operations, and builds the WCS of test frames."""

import os
import runpy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from numpy.typing import NDArray

from operations.framework.registry import find
from tests.operations.frames import OperationHarness


def run_script(harness: OperationHarness, name: str, raw: Mapping[str, Any]) -> None:
    """Run the script of an operation in the folder of its frames; it writes `script.fits` or similar."""
    text = find(name)().script(harness.inputs(name, raw), str(harness.folder / "script"))
    path = harness.folder / "script.py"
    path.write_text(text)
    before = dict(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("ignore", message="All-NaN slice")
        warnings.filterwarnings("ignore", message="invalid value|divide by zero")
        runpy.run_path(str(path))
    assert dict(os.environ) == before


def script_pixels(harness: OperationHarness, index: int | None = None) -> NDArray[Any]:
    """Return the pixels that the script wrote."""
    name = "script.fits" if index is None else f"script-{index}.fits"
    data: NDArray[Any] = fits.getdata(harness.folder / name)
    return data


def wcs_cards(
    shape: tuple[int, int], angle: float = 0.0, scale: float = 0.58, ra: float = 100.0, dec: float = 20.0
) -> dict[str, Any]:
    """Return the cards of a tangential WCS: `angle` in degrees, `scale` in arcsec a pixel, centred at (ra, dec)."""
    turn, size = np.radians(angle), scale / 3600
    return {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CUNIT1": "deg",
        "CUNIT2": "deg",
        "CRVAL1": ra,
        "CRVAL2": dec,
        "CRPIX1": (shape[1] + 1) / 2,
        "CRPIX2": (shape[0] + 1) / 2,
        "CD1_1": -size * np.cos(turn),
        "CD1_2": size * np.sin(turn),
        "CD2_1": size * np.sin(turn),
        "CD2_2": size * np.cos(turn),
    }


def wcs_of(header: fits.Header) -> WCS:
    """Return the WCS of a header."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        return WCS(header)


def star(shape: tuple[int, int], cards: Mapping[str, Any], at: tuple[float, float], flux: float) -> NDArray[Any]:
    """Return an image with one star of the given flux at a point (ra, dec) of the sky."""
    x, y = wcs_of(fits.Header(dict(cards))).wcs_world2pix([at], 0)[0]
    rows, columns = np.indices(shape)
    profile = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    return (flux * profile / profile.sum()).astype("f4")
