"""The common grid that frames are projected onto."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from reproject.mosaicking import find_optimal_celestial_wcs

from core.errors import BadInput
from operations.science.frames.images import Image
from operations.science.frames.wcs import celestial_wcs
from operations.science.projection.rectangles import Rectangle

MAX_SIDE = 20_000


@dataclass(frozen=True)
class Grid:
    """A WCS and the shape of its image."""

    wcs: WCS
    shape: tuple[int, int]

    def crop(self, part: Rectangle) -> "Grid":
        """Return a part of the grid, with the reference pixel shifted accordingly."""
        wcs = self.wcs.deepcopy()
        wcs.wcs.crpix = wcs.wcs.crpix[0] - part.left, wcs.wcs.crpix[1] - part.top
        wcs.array_shape = part.shape
        return Grid(wcs, part.shape)


def common_grid(images: Sequence[Image]) -> Grid:
    """Return the grid that covers all images: coordinate frame of the first, tangential, north up, finest pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs, shape = find_optimal_celestial_wcs([(image.shape, celestial_wcs(image)) for image in images])
    if max(shape) > MAX_SIDE:
        raise BadInput(
            f"The frames lie so far apart that a common image has {shape[1]} x {shape[0]} pixels. "
            f"At most {MAX_SIDE} per side are possible. Leave out the frames that lie elsewhere."
        )
    return Grid(wcs, (int(shape[0]), int(shape[1])))
