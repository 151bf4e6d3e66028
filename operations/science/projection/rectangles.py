"""Rectangles of pixels: the fully covered part of a projected frame, and the intersection of several."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput


@dataclass(frozen=True)
class Rectangle:
    """Rows `top` to `bottom` and columns `left` to `right`, ends excluded; `top` is the lower index."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return the height and width, at least 0."""
        return max(0, self.bottom - self.top), max(0, self.right - self.left)

    @property
    def is_empty(self) -> bool:
        """Return whether the rectangle contains no pixel."""
        return 0 in self.shape


def covered_rectangle(footprint: NDArray[np.bool_]) -> Rectangle:
    """Return a rectangle whose edges are covered: the bounding box, shrunk in turn at each side that is not."""
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


def intersection(rectangles: Iterable[Rectangle]) -> Rectangle:
    """Return the intersection of all rectangles; BadInput if it is empty."""
    parts = list(rectangles)
    shared = Rectangle(
        max(each.top for each in parts),
        min(each.bottom for each in parts),
        max(each.left for each in parts),
        min(each.right for each in parts),
    )
    if shared.is_empty:
        raise BadInput("The frames have no part of the sky in common. Leave out the frames that lie elsewhere.")
    return shared
