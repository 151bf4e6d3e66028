"""Aligns each frame with the first: by its stars, else by its WCS, else not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from operations.framework.context import SubProgress
from operations.science.alignment.similarity import match_stars
from operations.science.alignment.stars import catalog_stars, detect_stars
from operations.science.combination.stacks import read_good
from operations.science.frames.bands import Band
from operations.science.frames.images import Image
from operations.science.frames.planes import PlaneReader
from operations.science.frames.wcs import celestial_wcs_or_none

Positions = NDArray[np.float64]
PositionMapping = Callable[[Positions], Positions]


@dataclass(frozen=True)
class Alignment:
    """The mapping from positions (x, y) on the first frame to each frame, None if it is not aligned; and warnings."""

    mappings: tuple[PositionMapping | None, ...]
    warnings: tuple[str, ...] = ()


def align_by_stars(images: Sequence[Image], progress: SubProgress) -> Alignment:
    """Align each frame with the first by its stars, else by its WCS; a frame without either gets a warning."""
    stars = []
    for at, image in enumerate(images):
        progress.report(at / len(images), image.basename)
        cataloged = catalog_stars(image)
        stars.append(detect_stars(read_all_pixels(image)) if cataloged is None else cataloged)
    mappings: list[PositionMapping | None] = [None]
    warnings = []
    for image, points in zip(images[1:], stars[1:], strict=True):
        mapping = match_stars(stars[0], points) or _wcs_mapping(images[0], image)
        mappings.append(mapping)
        if mapping is None:
            warnings.append(f"{image.basename} is not aligned: its stars do not match those of the first frame.")
    return Alignment(tuple(mappings), tuple(warnings))


def align_by_wcs(images: Sequence[Image], progress: SubProgress) -> Alignment:
    """Align each frame with the first by the WCS of both; a frame without one gets a warning."""
    progress.report(0)
    mappings = [None, *(_wcs_mapping(images[0], image) for image in images[1:])]
    failed = [image.basename for image, mapping in zip(images[1:], mappings[1:], strict=True) if mapping is None]
    return Alignment(tuple(mappings), tuple(f"{name} is not aligned: a WCS is missing." for name in failed))


def align_by_catalogs(images: Sequence[Image], progress: SubProgress) -> Alignment:
    """Align by the catalogues as the PhotonRanch Datalab does: if any frame fails, none is aligned."""
    progress.report(0)
    stars = [catalog_stars(image) for image in images]
    mappings: list[PositionMapping | None] = [None]
    for points in stars[1:]:
        mapping = None if points is None or stars[0] is None else match_stars(stars[0], points)
        if mapping is None:
            return Alignment((None,) * len(images), ("The frames could not be aligned by their catalogues.",))
        mappings.append(mapping)
    return Alignment(tuple(mappings))


def read_all_pixels(image: Image) -> NDArray[Any]:
    """Return all good pixels of an image as float32, the others as NaN."""
    with PlaneReader() as reader:
        return read_good(reader, image, Band(0, image.shape[0]), image.shape[1], np.dtype("f4"))


def _wcs_mapping(first: Image, image: Image) -> PositionMapping | None:
    source, target = celestial_wcs_or_none(first), celestial_wcs_or_none(image)
    return None if source is None or target is None else _WcsMapping(source, target)


@dataclass(frozen=True)
class _WcsMapping:
    source: WCS
    target: WCS

    def __call__(self, positions: Positions) -> Positions:
        sky = self.source.all_pix2world(positions, 0)
        return np.asarray(self.target.wcs_world2pix(sky, 0))
