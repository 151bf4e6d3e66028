"""Subtraction: subtracts one frame from every other."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.framework import estimates, script_parts
from operations.framework.common_inputs import COMPATIBILITY, STORAGE, is_datalab_mode
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import make_result_per_image
from operations.science.combination.single_frame import apply_by_bands
from operations.science.combination.stacks import read_good, read_variance, working_dtype
from operations.science.frames.bands import Band
from operations.science.frames.headers import set_difference_noise
from operations.science.frames.images import Image, common_shape, open_image, open_images, read_header
from operations.science.frames.planes import PlaneReader
from operations.science.frames.product import Product


class Subtraction(BaseDataOperation):
    """One result per frame, in the order of the files; both frames are cropped to their common lower left corner.

    Counts are floats and do not wrap; a pixel that is bad in either frame is bad. In the mode datalab the difference
    has the type of the frames: unsigned counts wrap (5 - 7 = 65534).
    """

    name = "Subtraction"
    version = 2
    description = "Subtracts one frame, of the sky or of the same field at another time, from every other."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to subtract from."),
        "subtraction_file": FilesInput(name="Subtraction File", description="The frame to subtract.", maximum=1),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Subtract from one frame at a time."""
        images = open_images(inputs.frames("input_files"), SubProgress(context, "opening", 0.0, 0.05))
        taken = open_image(inputs.frames("subtraction_file")[0])
        make = partial(subtract_as_datalab if is_datalab_mode(inputs) else subtract_image, taken)
        return make_result_per_image(images, make, type(self), inputs, context, "subtracting", 0.05)

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for one frame at a time in memory."""
        return estimates.for_single_frames(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy and astropy."""
        files = inputs.frames("input_files")
        read = "science" if is_datalab_mode(inputs) else "read"
        steps = f"""
            for index, path in enumerate(FILES):
                frame, subtracted = common({read}(path), {read}(SUBTRACTED[0]))
                save(frame - subtracted, {stem!r}, index)
            """
        title = f"Subtraction of one frame from {len(files)}."
        lists = {"FILES": files, "SUBTRACTED": inputs.frames("subtraction_file")}
        return script_parts.build_script(title, lists, steps)


def subtract_image(taken: Image, image: Image, progress: SubProgress) -> Product:
    """Return an image less another."""
    shape = common_shape([image, taken])
    dtype = working_dtype([taken])
    with_uncertainty = image.has_uncertainty and taken.has_uncertainty

    def subtract(band: Band, rows: NDArray[Any], variance: NDArray[Any] | None) -> None:
        with PlaneReader() as reader:
            other = read_good(reader, taken, band, shape[1], dtype)
            if variance is not None:
                variance += read_variance(reader, taken, band, shape[1], other)
        rows -= other

    product = apply_by_bands(image, subtract, progress, shape, with_uncertainty=with_uncertainty)
    set_difference_noise(product.header, image.metadata, taken.metadata)
    return product


def subtract_as_datalab(taken: Image, image: Image, progress: SubProgress) -> Product:
    """Return an image less another in the type of their pixels, as the PhotonRanch Datalab does."""
    height, width = common_shape([image, taken])
    with PlaneReader() as reader:
        pixels = reader.rows(image.science, 0, height)[:, :width]
        other = reader.rows(taken.science, 0, height)[:, :width]
    progress.report(0.5)
    return Product(np.subtract(pixels, other), read_header(image))
