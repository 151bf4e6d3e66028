"""Projects one frame onto the common grid, by bands, into an uncompressed file in the scratch folder."""

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

from operations.framework.context import SubProgress
from operations.framework.outcome import Frame
from operations.science.combination.stacks import read_good, read_variance, working_dtype
from operations.science.frames.bands import Band, plan_bands
from operations.science.frames.images import Image, open_image
from operations.science.frames.planes import PlaneReader
from operations.science.frames.wcs import celestial_wcs
from operations.science.projection.grid import Grid
from operations.science.projection.rectangles import Rectangle, covered_rectangle

BAND_BYTES_PER_PIXEL = 256
"""Memory of the projection for each pixel of a band."""


@dataclass(frozen=True)
class Projected:
    """A frame on the grid, and the rectangle of the grid that it covers."""

    image: Image
    covered: Rectangle


def project(image: Image, grid: Grid, path: Path, progress: SubProgress, *, science_only: bool = False) -> Projected:
    """Project an image, conserving flux, and write it to `path`; `science_only` ignores mask and uncertainty.

    The result is NaN where the image has no good pixels. Variances are projected like fluxes: neighbouring pixels then
    share noise, and the uncertainty of a sum over many pixels is correct.
    """
    pixels, variance = _read_source(image, science_only)
    with_uncertainty = variance is not None
    dtype = np.dtype("f8") if science_only else working_dtype([image])
    out = [np.full(grid.shape, np.nan, dtype=dtype) for _ in range(1 + with_uncertainty)]
    footprint = np.zeros(grid.shape, dtype=bool)
    wcs = celestial_wcs(image)
    bands = plan_bands(grid.shape[0], grid.shape[1] * BAND_BYTES_PER_PIXEL)
    for at, band in enumerate(bands):
        progress.report(at / len(bands), image.basename)
        rows, coverage = _project_band(pixels, wcs, grid, band)
        out[0][band.rows], footprint[band.rows] = rows, coverage != 0
        if variance is not None:
            out[1][band.rows] = np.sqrt(np.maximum(_project_band(variance, wcs, grid, band)[0], 0))
    names = ("SCI", "ERR")[: len(out)]
    fits.HDUList(
        [fits.PrimaryHDU(), *(fits.ImageHDU(plane, name=name) for plane, name in zip(out, names, strict=True))]
    ).writeto(path)
    written = open_image(Frame(path, image.basename))
    return Projected(replace(written, metadata=image.metadata), covered_rectangle(footprint))


def _read_source(image: Image, plain: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    whole = Band(0, image.shape[0])
    with PlaneReader() as reader:
        if plain:
            return reader.rows(image.science).astype("f8"), None
        pixels = read_good(reader, image, whole, image.shape[1], np.dtype("f8"))
        variance = read_variance(reader, image, whole, image.shape[1], pixels) if image.has_uncertainty else None
    return pixels, variance


def _project_band(pixels: NDArray[Any], wcs: WCS, grid: Grid, band: Band) -> tuple[NDArray[Any], NDArray[Any]]:
    part = grid.crop(Rectangle(band.start, band.stop, 0, grid.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        return reproject_adaptive((pixels, wcs), part.wcs, shape_out=part.shape, conserve_flux=True)
