"""How each frame lies on the first: by its stars, else by its WCS, else as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from operations.framework.context import Stage
from operations.science.alignment.similarity import match
from operations.science.alignment.stars import catalog_stars, found_stars
from operations.science.combination.stacks import read_good
from operations.science.frames.bands import Band
from operations.science.frames.images import Image
from operations.science.frames.planes import Reader
from operations.science.frames.wcs import celestial_or_none

Places = NDArray[np.float64]
Mapping = Callable[[Places], Places]


@dataclass(frozen=True)
class Alignment:
    """From places (x, y) on the first frame to places on each; None for one that lies as it is. And what went wrong."""

    mappings: tuple[Mapping | None, ...]
    warnings: tuple[str, ...] = ()


def by_stars(images: Sequence[Image], stage: Stage) -> Alignment:
    """Align each frame on the first by its stars; one that cannot be is aligned by its WCS, or left and named."""
    stars = []
    for at, image in enumerate(images):
        stage.report(at / len(images), image.basename)
        known = catalog_stars(image)
        stars.append(found_stars(whole(image)) if known is None else known)
    mappings: list[Mapping | None] = [None]
    warnings = []
    for image, points in zip(images[1:], stars[1:], strict=True):
        mapping = match(stars[0], points) or _by_wcs(images[0], image)
        mappings.append(mapping)
        if mapping is None:
            warnings.append(f"{image.basename} could not be aligned: its stars do not match; it is shown as it lies.")
    return Alignment(tuple(mappings), tuple(warnings))


def by_wcs(images: Sequence[Image], stage: Stage) -> Alignment:
    """Align each frame on the first by the WCS of both, or leave it and name it."""
    stage.report(0)
    mappings = [None, *(_by_wcs(images[0], image) for image in images[1:])]
    lost = [image.basename for image, mapping in zip(images[1:], mappings[1:], strict=True) if mapping is None]
    said = "could not be aligned: a WCS is missing; it is shown as it lies."
    return Alignment(tuple(mappings), tuple(f"{name} {said}" for name in lost))


def by_catalogs(images: Sequence[Image], stage: Stage) -> Alignment:
    """Align by the catalogues as the prior system does: if any frame fails, none is aligned."""
    stage.report(0)
    stars = [catalog_stars(image) for image in images]
    mappings: list[Mapping | None] = [None]
    for points in stars[1:]:
        mapping = None if points is None or stars[0] is None else match(stars[0], points)
        if mapping is None:
            return Alignment((None,) * len(images), ("The frames could not be aligned by their catalogues.",))
        mappings.append(mapping)
    return Alignment(tuple(mappings))


def whole(image: Image) -> NDArray[Any]:
    """Return all good pixels of an image as float32, the others as NaN."""
    with Reader() as reader:
        return read_good(reader, image, Band(0, image.shape[0]), image.shape[1], np.dtype("f4"))


def _by_wcs(first: Image, image: Image) -> Mapping | None:
    here, there = celestial_or_none(first), celestial_or_none(image)
    return None if here is None or there is None else _Between(here, there)


@dataclass(frozen=True)
class _Between:
    here: WCS
    there: WCS

    def __call__(self, places: Places) -> Places:
        sky = self.here.all_pix2world(places, 0)
        return np.asarray(self.there.wcs_world2pix(sky, 0))
