"""Color Image: up to six frames, each in a colour, as one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, OFF, compatible
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome, Output, OutputKind
from operations.framework.output_files import STEM
from operations.science.alignment.alignment import Alignment, Mapping, by_catalogs, by_stars, by_wcs, whole
from operations.science.alignment.similarity import centred, places, sampled
from operations.science.frames.bands import plan
from operations.science.frames.images import Image, look_at, same_shape
from operations.science.graphics.color import Color, add_channel, eight_bits, sixteen_bits
from operations.science.graphics.image_files import QUALITY, previews
from operations.science.graphics.stretch import Limits, found_limits
from operations.science.scripts.color_image import color_script

STARS, WCS, NONE = "stars", "wcs", "none"
COORDINATE_BYTES = 80


class ColorImage(BaseDataOperation):
    """Frames are laid on the first by their stars (of the catalogue CAT, or found in the pixels), else by their WCS.

    Without zmin and zmax the limits of a frame are found in it; without a colour it is white. The TIFF has 16 bits a
    colour. In the mode datalab frames are aligned by catalogues or not at all, and the TIFF has 8 bits.
    """

    name = "Color Image"
    description = "Up to six frames of one field, each in a colour of its own, laid on each other and added up."
    inputs = {
        "color_channels": FilesInput(
            name="Color Channels",
            description="The frames, each with its colour and the counts that are black (zmin) and white (zmax).",
            maximum=6,
            include_custom_scale=True,
            color_picker=True,
            repeatable=True,
        ),
        "alignment": SelectInput(
            name="Alignment",
            description="What frames are laid on the first by: their stars, their WCS, or nothing.",
            options=(STARS, WCS, NONE),
            default=STARS,
            advanced=True,
            only_when={"compatibility": (OFF,)},
        ),
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Align the frames, then add one channel after the other."""
        images = look_at(inputs.frames("color_channels"), Stage(work, "looking", 0.0, 0.05))
        alignment = aligned(images, inputs, Stage(work, "aligning", 0.05, 0.3))
        light = np.zeros((*canvas(images, alignment), 3), dtype="f4")
        adding = Stage(work, "adding", 0.3, 0.8)
        for at, (image, mapping) in enumerate(zip(images, alignment.mappings, strict=True)):
            add(light, image, mapping, adding.part(at, len(images)))
        saving = Stage(work, "saving", 0.8, 1.0)
        outputs = save(light, work.folder, saving, deep=not compatible(inputs))
        return Outcome(outputs, warnings=alignment.warnings)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to have the picture and one frame at a time in memory."""
        return estimates.coloring(inputs.frames("color_channels"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy, astropy, sep, astroalign, scipy and Pillow."""
        return color_script(inputs, stem)


def aligned(images: Sequence[Image], given: Given, stage: Stage) -> Alignment:
    """Return how the frames lie on the first, as the inputs ask."""
    choice = given.text("alignment", NONE)
    if len(images) == 1:
        return Alignment((None,))
    if compatible(given):
        return by_catalogs(images, stage)
    if choice == NONE:
        return Alignment((None,) * len(images))
    return by_stars(images, stage) if choice == STARS else by_wcs(images, stage)


def canvas(images: Sequence[Image], alignment: Alignment) -> tuple[int, int]:
    """Return the shape of the picture: that of the first frame if others are aligned to it, else the smallest."""
    return images[0].shape if any(alignment.mappings) else same_shape(images)


def add(light: NDArray[np.float32], image: Image, mapping: Mapping | None, stage: Stage) -> None:
    """Add a frame in its colour, by bands of the picture."""
    pixels = whole(image)
    limits, color = limits_of(image, pixels), color_of(image)
    height, width = light.shape[:2]
    if mapping is None:
        pixels = centred(pixels, (height, width))
    for band in plan(height, width * COORDINATE_BYTES):
        stage.report(band.start / height, image.basename)
        rows = pixels[band.rows] if mapping is None else sampled(pixels, mapping(places(band.start, band.stop, width)))
        add_channel(light[band.rows], rows.reshape(band.height, width), limits, color)


def limits_of(image: Image, pixels: NDArray[Any]) -> Limits:
    """Return the counts shown black and white: as they were given, else as they are found."""
    found, said = found_limits(pixels), image.frame.parameters
    return Limits(float(said.get("zmin", found.black)), float(said.get("zmax", found.white)))


def color_of(image: Image) -> Color:
    """Return the colour of a frame; white if none was given."""
    return Color(**image.frame.parameters.get("color", {}))


def save(light: NDArray[np.float32], folder: Path, stage: Stage, *, deep: bool) -> tuple[Output, ...]:
    """Save the picture as TIFF (`deep` with 16 bits), as JPEG of full size, as a small one, and as PNG."""
    shallow = np.ascontiguousarray(eight_bits(light))
    tif, large = folder / f"{STEM}.tif", folder / f"{STEM}-large.jpg"
    tifffile.imwrite(tif, sixteen_bits(light) if deep else shallow, photometric="rgb")
    stage.report(0.4)
    outputs = previews(shallow, folder, STEM, None)
    Picture.fromarray(shallow).save(large, quality=QUALITY)
    stage.report(1.0)
    return (Output(tif, OutputKind.TIF), *outputs)
