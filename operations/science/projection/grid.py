"""The common grid: where the pixels of many frames shall lie."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from reproject.mosaicking import find_optimal_celestial_wcs

from core.errors import BadInput
from operations.science.frames.images import Image
from operations.science.frames.wcs import celestial
from operations.science.projection.rectangles import Rectangle

LARGEST = 20_000


@dataclass(frozen=True)
class Grid:
    """A WCS and the shape of the image that it is for."""

    wcs: WCS
    shape: tuple[int, int]

    def cut(self, part: Rectangle) -> "Grid":
        """Return a part of the grid: the reference pixel moves by what is cut off."""
        wcs = self.wcs.deepcopy()
        wcs.wcs.crpix = wcs.wcs.crpix[0] - part.left, wcs.wcs.crpix[1] - part.top
        wcs.array_shape = part.shape
        return Grid(wcs, part.shape)


def common_grid(images: Sequence[Image]) -> Grid:
    """Return the grid that holds all images: frame of the first, tangential, north up, the finest pixels among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs, shape = find_optimal_celestial_wcs([(image.shape, celestial(image)) for image in images])
    if max(shape) > LARGEST:
        raise BadInput(
            f"The frames lie so far apart that a common image has {shape[1]} x {shape[0]} pixels; "
            f"at most {LARGEST} a side can be made: leave those out that lie elsewhere."
        )
    return Grid(wcs, (int(shape[0]), int(shape[1])))
