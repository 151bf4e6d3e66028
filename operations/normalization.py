"""Normalization: divides every frame by its own median."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework import estimates, script_parts
from operations.framework.common_inputs import COMPATIBILITY, STORAGE, is_datalab_mode
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import make_result_per_image
from operations.science.combination.single_frame import apply_by_bands
from operations.science.combination.stacks import read_good, working_dtype
from operations.science.frames.bands import Band
from operations.science.frames.headers import rescale_header
from operations.science.frames.images import Image, open_images, read_header
from operations.science.frames.planes import PlaneReader
from operations.science.frames.product import Product


class Normalization(BaseDataOperation):
    """One result per frame, in the order of the files.

    The median is that of the good pixels, and a frame whose median is zero or NaN is refused. In the mode datalab it is
    the median of all pixels: a NaN makes all pixels NaN, and a median of zero makes them infinite.
    """

    name = "Normalization"
    version = 2
    description = "Divides every frame by the median of its pixels, so that frames of different levels can be compared."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to normalize."),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Normalize one frame at a time."""
        images = open_images(inputs.frames("input_files"), SubProgress(context, "opening", 0.0, 0.05))
        make = normalize_as_datalab if is_datalab_mode(inputs) else normalize
        return make_result_per_image(images, make, type(self), inputs, context, "normalizing", 0.05)

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for one frame at a time in memory."""
        return estimates.for_single_frames(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy and astropy."""
        files = inputs.frames("input_files")
        read, value = "read(path)", "np.median(frame[np.isfinite(frame)])"
        if is_datalab_mode(inputs):
            read, value = "science(path)", "np.median(frame)"
        steps = f"""
            for index, path in enumerate(FILES):
                frame = {read}
                save(frame / {value}, {stem!r}, index)
            """
        return script_parts.build_script(f"Normalization of {len(files)} frames.", {"FILES": files}, steps)


def normalize(image: Image, progress: SubProgress) -> Product:
    """Return an image divided by the median of its good pixels."""
    level = good_median(image)
    if not np.isfinite(level) or level == 0:
        raise BadInput(f"{image.basename} has the median {level:g} and cannot be divided by it. Leave the frame out.")

    def divide(_: Band, rows: NDArray[Any], variance: NDArray[Any] | None) -> None:
        rows /= level
        if variance is not None:
            variance /= level * level

    product = apply_by_bands(image, divide, progress)
    rescale_header(product.header, image.metadata, 1 / float(level))
    product.header["NORMVAL"] = (float(level), "median that the pixels were divided by")
    return product


def good_median(image: Image) -> Any:
    """Return the median of the good pixels, in their own type; NaN if there are none."""
    with PlaneReader() as reader:
        pixels = read_good(reader, image, Band(0, image.shape[0]), image.shape[1], working_dtype([image]))
    good = pixels[np.isfinite(pixels)]
    return np.median(good, overwrite_input=True) if good.size else good.dtype.type(np.nan)


def normalize_as_datalab(image: Image, progress: SubProgress) -> Product:
    """Return an image divided by the median of all of its pixels, as the PhotonRanch Datalab does."""
    with PlaneReader() as reader:
        pixels = reader.rows(image.science)
    progress.report(0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Product(pixels / np.median(pixels), read_header(image))
