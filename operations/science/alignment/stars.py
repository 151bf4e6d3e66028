"""Stars of a frame, the brightest first: from its catalogue, or found in its pixels."""

from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from operations.science.frames.catalog import catalog
from operations.science.frames.images import Image

BRIGHTEST = 500
THRESHOLD = 5.0


def catalog_stars(image: Image) -> NDArray[np.float64] | None:
    """Return positions (x, y), counted from 0, of the catalogue of a frame; None when it has none."""
    columns = catalog(image.frame)
    if columns is None or not {"x", "y"} <= set(columns):
        return None
    places = np.column_stack([columns["x"], columns["y"]]) - 1
    order = np.argsort(-columns["flux"], kind="stable") if "flux" in columns else np.arange(len(places))
    places = places[order]
    return places[np.isfinite(places).all(axis=1)][:BRIGHTEST]


def found_stars(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return positions (x, y) of what stands out of the background of an image by 5 sigma."""
    bad = ~np.isfinite(pixels)
    counts = np.ascontiguousarray(np.where(bad, 0, pixels), dtype="f4")
    background = sep.Background(counts, mask=bad)
    background.subfrom(counts)
    if background.globalrms == 0:
        return np.empty((0, 2))
    sources = sep.extract(counts, THRESHOLD, err=background.globalrms, mask=bad)
    order = np.argsort(-sources["flux"], kind="stable")[:BRIGHTEST]
    return np.column_stack([sources["x"], sources["y"]])[order]
