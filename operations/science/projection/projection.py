"""One frame on the common grid, by bands of rows, kept as a plain file until the frames are combined."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from numpy.typing import NDArray
from reproject import reproject_adaptive

from operations.framework.context import Stage
from operations.framework.outcome import Frame
from operations.science.combination.stacks import read_good, read_variance, working_type
from operations.science.frames.bands import Band, plan
from operations.science.frames.images import Image, look
from operations.science.frames.planes import Reader
from operations.science.frames.wcs import celestial
from operations.science.projection.grid import Grid
from operations.science.projection.rectangles import Rectangle, covered

BAND_BYTES_PER_PIXEL = 256
"""What the projection takes in memory for a pixel of a band."""


@dataclass(frozen=True)
class Projected:
    """A frame on the grid, and the rectangle of the grid that it covers."""

    image: Image
    covered: Rectangle


def project(image: Image, grid: Grid, path: Path, stage: Stage, *, plain: bool = False) -> Projected:
    """Project an image, flux conserved, and write it to `path`; `plain` sees nothing but the science plane.

    Where it has no good pixels the result is NaN. Variances are projected as fluxes are: neighbours then share noise,
    and the uncertainty of a sum over many of them is right.
    """
    pixels, variance = _read(image, plain)
    noisy = variance is not None
    kind = np.dtype("f8") if plain else working_type([image])
    out = [np.full(grid.shape, np.nan, dtype=kind) for _ in range(1 + noisy)]
    footprint = np.zeros(grid.shape, dtype=bool)
    wcs = celestial(image)
    bands = plan(grid.shape[0], grid.shape[1] * BAND_BYTES_PER_PIXEL)
    for at, band in enumerate(bands):
        stage.report(at / len(bands), image.basename)
        rows, covering = _band(pixels, wcs, grid, band)
        out[0][band.rows], footprint[band.rows] = rows, covering != 0
        if variance is not None:
            out[1][band.rows] = np.sqrt(np.maximum(_band(variance, wcs, grid, band)[0], 0))
    names = ("SCI", "ERR")[: len(out)]
    fits.HDUList(
        [fits.PrimaryHDU(), *(fits.ImageHDU(plane, name=name) for plane, name in zip(out, names, strict=True))]
    ).writeto(path)
    written = look(Frame(path, image.basename))
    return Projected(replace(written, facts=image.facts), covered(footprint))


def _read(image: Image, plain: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    whole = Band(0, image.shape[0])
    with Reader() as reader:
        if plain:
            return reader.rows(image.science).astype("f8"), None
        pixels = read_good(reader, image, whole, image.shape[1], np.dtype("f8"))
        variance = read_variance(reader, image, whole, image.shape[1], pixels) if image.noisy else None
    return pixels, variance


def _band(pixels: NDArray[Any], wcs: WCS, grid: Grid, band: Band) -> tuple[NDArray[Any], NDArray[Any]]:
    part = grid.cut(Rectangle(band.start, band.stop, 0, grid.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        return reproject_adaptive((pixels, wcs), part.wcs, shape_out=part.shape, conserve_flux=True)
