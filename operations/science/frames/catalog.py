"""Reads the catalogue of sources that a pipeline has written into a frame: the table CAT."""

from collections.abc import Mapping

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from operations.framework.outcome import Frame
from operations.science.frames.fits_open import open_fits

Columns = Mapping[str, NDArray[np.float64]]


def read_catalog(frame: Frame) -> Columns | None:
    """Return the numeric columns of the table CAT by their names in lower case; None if there is no such table."""
    with open_fits(frame.path, frame.basename) as file:
        tables = [hdu for hdu in file if hdu.name == "CAT" and isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
        if not tables:
            return None
        data = tables[0].data
        return {name.lower(): _floats(data[name]) for name in data.names if data[name].dtype.kind in "iuf"}


def _floats(column: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.asarray(column, dtype="f8")
