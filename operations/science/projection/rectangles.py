"""Rectangles of pixels: what of a projected frame is fully covered, and what all have in common."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput


@dataclass(frozen=True)
class Rectangle:
    """Rows `top` to `bottom` and columns `left` to `right`, the ends not included; `top` is the lower index."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return height and width, never below 0."""
        return max(0, self.bottom - self.top), max(0, self.right - self.left)

    @property
    def empty(self) -> bool:
        """Say whether there is no pixel in it."""
        return 0 in self.shape


def covered(footprint: NDArray[np.bool_]) -> Rectangle:
    """Return a rectangle whose four edges are covered: the bounding box, shrunk by turns at each side that is not."""
    rows, columns = np.flatnonzero(footprint.any(axis=1)), np.flatnonzero(footprint.any(axis=0))
    if not rows.size:
        return Rectangle(0, 0, 0, 0)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    shrunk = True
    while shrunk and top < bottom and left < right:
        before = (top, bottom, left, right)
        top += not footprint[top, left:right].all()
        bottom -= not footprint[bottom - 1, left:right].all()
        left += not footprint[top:bottom, left].all()
        right -= not footprint[top:bottom, right - 1].all()
        shrunk = before != (top, bottom, left, right)
    return Rectangle(top, bottom, left, right)


def common(rectangles: Iterable[Rectangle]) -> Rectangle:
    """Return what all rectangles have in common; BadInput when that is nothing."""
    every = list(rectangles)
    found = Rectangle(
        max(each.top for each in every),
        min(each.bottom for each in every),
        max(each.left for each in every),
        min(each.right for each in every),
    )
    if found.empty:
        raise BadInput("The frames show no part of the sky in common; leave those out that lie elsewhere.")
    return found
