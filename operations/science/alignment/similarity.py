"""Similarity transformations (scale, rotation and shift) between frames, and sampling by them.

The script of Color Image contains the source of these functions.
"""

from dataclasses import dataclass
from typing import Any

import astroalign
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

MATCH_RADIUS_PIXELS = 5.0
FIT_ROUNDS = 3
MIN_STARS = 3


@dataclass(frozen=True)
class Similarity:
    """Maps (x, y) to (a x - b y + dx, b x + a y + dy)."""

    a: float
    b: float
    dx: float
    dy: float

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mapped points (x, y), one per row."""
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([self.a * x - self.b * y + self.dx, self.b * x + self.a * y + self.dy])

    @property
    def scale(self) -> float:
        """Return the factor by which distances grow."""
        return float(np.hypot(self.a, self.b))


def fit_similarity(points: NDArray[np.float64], targets: NDArray[np.float64]) -> Similarity:
    """Return the least-squares similarity from points to targets."""
    x, y = points[:, 0], points[:, 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.column_stack([x, -y, one, zero]), np.column_stack([y, x, zero, one])])
    solution = np.linalg.lstsq(rows, np.concatenate([targets[:, 0], targets[:, 1]]), rcond=None)[0]
    return Similarity(*map(float, solution))


def match_stars(points: NDArray[np.float64], targets: NDArray[np.float64]) -> Similarity | None:
    """Return the similarity from the stars of one frame to those of another; None if they do not match.

    Asterisms of the brightest stars give a first similarity, which is refitted to all pairs within a match radius.
    """
    if min(len(points), len(targets)) < MIN_STARS:
        return None
    try:
        first, _ = astroalign.find_transform(points, targets)
    except (astroalign.MaxIterError, ValueError, TypeError):
        return None
    matrix = np.asarray(first.params)
    found = Similarity(float(matrix[0, 0]), float(matrix[1, 0]), float(matrix[0, 2]), float(matrix[1, 2]))
    for _ in range(FIT_ROUNDS):
        distance, at = KDTree(targets).query(found(points), distance_upper_bound=MATCH_RADIUS_PIXELS)
        paired = np.isfinite(distance)
        if paired.sum() < MIN_STARS:
            return None
        found = fit_similarity(points[paired], targets[at[paired]])
    return found


def sample_bilinear(pixels: NDArray[Any], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of an image at positions (x, y), interpolated bilinearly; NaN outside."""
    coordinates = positions[..., ::-1].T
    return map_coordinates(pixels, coordinates, output="f8", order=1, cval=np.nan)


def pixel_positions(start: int, stop: int, width: int) -> NDArray[np.float64]:
    """Return the positions (x, y) of all pixels of the rows `start` to `stop`."""
    rows, columns = np.mgrid[start:stop, 0:width]
    return np.column_stack([columns.ravel(), rows.ravel()]).astype("f8")


def center_on_canvas(pixels: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return an image of the given shape with the same centre: cropped if it is larger, padded with NaN if smaller."""
    out = np.full(shape, np.nan, dtype=pixels.dtype)
    sides = list(zip(pixels.shape, shape, strict=True))
    source = tuple(slice(cut := max(0, (have - want) // 2), cut + min(have, want)) for have, want in sides)
    target = tuple(slice(pad := max(0, (want - have) // 2), pad + min(have, want)) for have, want in sides)
    out[target] = pixels[source]
    return out
