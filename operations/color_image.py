"""Color Image: adds up to six frames, each in its own colour, to one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, OFF, is_datalab_mode
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, Output, OutputKind, RunInputs
from operations.framework.output_files import STEM
from operations.science.alignment.alignment import (
    Alignment,
    PositionMapping,
    align_by_catalogs,
    align_by_stars,
    align_by_wcs,
    read_all_pixels,
)
from operations.science.alignment.similarity import center_on_canvas, pixel_positions, sample_bilinear
from operations.science.frames.bands import plan_bands
from operations.science.frames.images import Image, common_shape, open_images
from operations.science.graphics.color import Color, add_channel, to_8_bit, to_16_bit
from operations.science.graphics.image_files import JPEG_QUALITY, save_previews
from operations.science.graphics.stretch import StretchLimits, find_limits
from operations.science.scripts.color_image import build_color_script

STARS, WCS, NONE = "stars", "wcs", "none"
COORDINATE_BYTES = 80


class ColorImage(BaseDataOperation):
    """Frames are aligned with the first by their stars (of the catalogue CAT, or detected), else by their WCS.

    Without zmin and zmax the limits of a frame are determined from its pixels; without a colour the frame is white. The
    TIFF has 16 bits per colour. In the mode datalab frames are aligned by catalogues only, and the TIFF has 8 bits.
    """

    name = "Color Image"
    description = "Aligns up to six frames of one field and adds them, each in a colour of its own."
    inputs = {
        "color_channels": FilesInput(
            name="Color Channels",
            description="The frames, each with its colour and the counts shown as black (zmin) and white (zmax).",
            maximum=6,
            include_custom_scale=True,
            color_picker=True,
            repeatable=True,
        ),
        "alignment": SelectInput(
            name="Alignment",
            description="How frames are aligned with the first: by their stars, by their WCS, or not at all.",
            options=(STARS, WCS, NONE),
            default=STARS,
            advanced=True,
            only_when={"compatibility": (OFF,)},
        ),
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Align the frames, then add one channel at a time."""
        images = open_images(inputs.frames("color_channels"), SubProgress(context, "opening", 0.0, 0.05))
        alignment = align(images, inputs, SubProgress(context, "aligning", 0.05, 0.3))
        light = np.zeros((*canvas_shape(images, alignment), 3), dtype="f4")
        adding = SubProgress(context, "adding", 0.3, 0.8)
        for at, (image, mapping) in enumerate(zip(images, alignment.mappings, strict=True)):
            add_frame(light, image, mapping, adding.part(at, len(images)))
        saving = SubProgress(context, "saving", 0.8, 1.0)
        outputs = save_pictures(light, context.folder, saving, sixteen_bit=not is_datalab_mode(inputs))
        return OperationOutcome(outputs, warnings=alignment.warnings)

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for the picture and one frame at a time in memory."""
        return estimates.for_color_image(inputs.frames("color_channels"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy, astropy, sep, astroalign, scipy and Pillow."""
        return build_color_script(inputs, stem)


def align(images: Sequence[Image], inputs: RunInputs, progress: SubProgress) -> Alignment:
    """Return the alignment of the frames with the first, by the method that the inputs select."""
    choice = inputs.text("alignment", NONE)
    if len(images) == 1:
        return Alignment((None,))
    if is_datalab_mode(inputs):
        return align_by_catalogs(images, progress)
    if choice == NONE:
        return Alignment((None,) * len(images))
    return align_by_stars(images, progress) if choice == STARS else align_by_wcs(images, progress)


def canvas_shape(images: Sequence[Image], alignment: Alignment) -> tuple[int, int]:
    """Return the shape of the picture: that of the first frame if others are aligned with it, else the smallest."""
    return images[0].shape if any(alignment.mappings) else common_shape(images)


def add_frame(light: NDArray[np.float32], image: Image, mapping: PositionMapping | None, progress: SubProgress) -> None:
    """Add a frame in its colour to the picture, by bands."""
    pixels = read_all_pixels(image)
    limits, color = limits_of(image, pixels), color_of(image)
    height, width = light.shape[:2]
    if mapping is None:
        pixels = center_on_canvas(pixels, (height, width))
    for band in plan_bands(height, width * COORDINATE_BYTES):
        progress.report(band.start / height, image.basename)
        rows = (
            pixels[band.rows]
            if mapping is None
            else sample_bilinear(pixels, mapping(pixel_positions(band.start, band.stop, width)))
        )
        add_channel(light[band.rows], rows.reshape(band.height, width), limits, color)


def limits_of(image: Image, pixels: NDArray[Any]) -> StretchLimits:
    """Return the counts shown as black and white: the caller's zmin and zmax, else limits from the pixels."""
    found, parameters = find_limits(pixels), image.frame.parameters
    return StretchLimits(float(parameters.get("zmin", found.black)), float(parameters.get("zmax", found.white)))


def color_of(image: Image) -> Color:
    """Return the colour of a frame; white by default."""
    return Color(**image.frame.parameters.get("color", {}))


def save_pictures(
    light: NDArray[np.float32], folder: Path, progress: SubProgress, *, sixteen_bit: bool
) -> tuple[Output, ...]:
    """Save the picture as TIFF (of 8 or 16 bits), as a large and a small JPEG, and as PNG."""
    picture = np.ascontiguousarray(to_8_bit(light))
    tif, large = folder / f"{STEM}.tif", folder / f"{STEM}-large.jpg"
    tifffile.imwrite(tif, to_16_bit(light) if sixteen_bit else picture, photometric="rgb")
    progress.report(0.4)
    outputs = save_previews(picture, folder, STEM, None)
    # The colour image keeps its full size in the large JPEG, which overwrites the reduced preview.
    Picture.fromarray(picture).save(large, quality=JPEG_QUALITY)
    progress.report(1.0)
    return (Output(tif, OutputKind.TIF), *outputs)
