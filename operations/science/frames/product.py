"""What an operation made of its frames: an image with the planes and the header that belong to it."""

from dataclasses import dataclass
from typing import Any

from astropy.io import fits
from numpy.typing import NDArray


@dataclass
class Product:
    """An image, its header, and as far as they are known the standard uncertainty and the bad pixels."""

    pixels: NDArray[Any]
    header: fits.Header
    error: NDArray[Any] | None = None
    bad: NDArray[Any] | None = None
