"""A similarity: scale, rotation and shift that take points of one frame to those of another."""

from dataclasses import dataclass
from typing import Any

import astroalign
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

MATCH_PIXELS = 5.0
ROUNDS = 3
FEWEST = 3


@dataclass(frozen=True)
class Similarity:
    """Takes (x, y) to (a x - b y + dx, b x + a y + dy)."""

    a: float
    b: float
    dx: float
    dy: float

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where the points (x, y), one a row, are taken to."""
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([self.a * x - self.b * y + self.dx, self.b * x + self.a * y + self.dy])

    @property
    def scale(self) -> float:
        """Return how many times longer a distance becomes."""
        return float(np.hypot(self.a, self.b))


def fit(points: NDArray[np.float64], targets: NDArray[np.float64]) -> Similarity:
    """Return the similarity of least squares from points to targets."""
    x, y = points[:, 0], points[:, 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.column_stack([x, -y, one, none]), np.column_stack([y, x, none, one])])
    solution = np.linalg.lstsq(rows, np.concatenate([targets[:, 0], targets[:, 1]]), rcond=None)[0]
    return Similarity(*map(float, solution))


def match(points: NDArray[np.float64], targets: NDArray[np.float64]) -> Similarity | None:
    """Return the similarity that lays the stars of one frame on those of another; None when they do not match.

    Asterisms of the brightest give a first one; it is fitted anew to all pairs that it brings within 5 pixels.
    """
    if min(len(points), len(targets)) < FEWEST:
        return None
    try:
        first, _ = astroalign.find_transform(points, targets)
    except (astroalign.MaxIterError, ValueError, TypeError):
        return None
    matrix = np.asarray(first.params)
    found = Similarity(float(matrix[0, 0]), float(matrix[1, 0]), float(matrix[0, 2]), float(matrix[1, 2]))
    for _ in range(ROUNDS):
        near, at = KDTree(targets).query(found(points), distance_upper_bound=MATCH_PIXELS)
        paired = np.isfinite(near)
        if paired.sum() < FEWEST:
            return None
        found = fit(points[paired], targets[at[paired]])
    return found


def sampled(pixels: NDArray[Any], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of an image at places (x, y) between pixels, bilinear; NaN outside."""
    coordinates = places[..., ::-1].T
    return map_coordinates(pixels, coordinates, output="f8", order=1, cval=np.nan)


def places(start: int, stop: int, width: int) -> NDArray[np.float64]:
    """Return the places (x, y) of all pixels of some rows."""
    rows, columns = np.mgrid[start:stop, 0:width]
    return np.column_stack([columns.ravel(), rows.ravel()]).astype("f8")


def centred(pixels: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return an image of the given shape with the same middle: cut where it is larger, NaN around where smaller."""
    out = np.full(shape, np.nan, dtype=pixels.dtype)
    sides = list(zip(pixels.shape, shape, strict=True))
    source = tuple(slice(cut := max(0, (have - want) // 2), cut + min(have, want)) for have, want in sides)
    target = tuple(slice(pad := max(0, (want - have) // 2), pad + min(have, want)) for have, want in sides)
    out[target] = pixels[source]
    return out
