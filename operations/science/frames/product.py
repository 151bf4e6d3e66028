"""The product of an operation in memory: an image with its header, uncertainty and mask."""

from dataclasses import dataclass
from typing import Any

from astropy.io import fits
from numpy.typing import NDArray


@dataclass
class Product:
    """An image, its header, and, if known, its standard uncertainty and its bad pixels."""

    pixels: NDArray[Any]
    header: fits.Header
    error: NDArray[Any] | None = None
    bad: NDArray[Any] | None = None
