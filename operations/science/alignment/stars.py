"""Positions of the stars of a frame, brightest first: from its catalogue, or detected in its pixels."""

from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from operations.science.frames.catalog import read_catalog
from operations.science.frames.images import Image

MAX_STARS = 500
DETECTION_SIGMA = 5.0


def catalog_stars(image: Image) -> NDArray[np.float64] | None:
    """Return the positions (x, y), counted from 0, in the catalogue of a frame; None if it has none."""
    columns = read_catalog(image.frame)
    if columns is None or not {"x", "y"} <= set(columns):
        return None
    # FITS counts pixels from 1.
    positions = np.column_stack([columns["x"], columns["y"]]) - 1
    order = np.argsort(-columns["flux"], kind="stable") if "flux" in columns else np.arange(len(positions))
    positions = positions[order]
    return positions[np.isfinite(positions).all(axis=1)][:MAX_STARS]


def detect_stars(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the positions (x, y) of the sources above the detection threshold of an image."""
    bad = ~np.isfinite(pixels)
    counts = np.ascontiguousarray(np.where(bad, 0, pixels), dtype="f4")
    background = sep.Background(counts, mask=bad)
    background.subfrom(counts)
    if background.globalrms == 0:
        return np.empty((0, 2))
    sources = sep.extract(counts, DETECTION_SIGMA, err=background.globalrms, mask=bad)
    order = np.argsort(-sources["flux"], kind="stable")[:MAX_STARS]
    return np.column_stack([sources["x"], sources["y"]])[order]
