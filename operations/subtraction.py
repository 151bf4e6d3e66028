"""Subtraction: one frame taken from every other."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operations.framework import estimates, script_parts
from operations.framework.common_inputs import COMPATIBILITY, STORAGE, compatible
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.framework.output_files import deliver_each
from operations.science.combination.single_frame import changed
from operations.science.combination.stacks import read_good, read_variance, working_type
from operations.science.frames.bands import Band
from operations.science.frames.headers import subtract_noise
from operations.science.frames.images import Image, header_of, look, look_at, same_shape
from operations.science.frames.planes import Reader
from operations.science.frames.product import Product


class Subtraction(BaseDataOperation):
    """One result per frame, in the order of the files; both are cut to what they have in common, lower left corner.

    Counts are floats, so that nothing wraps; a pixel that is bad in either is bad. In the mode datalab the difference
    has the type of the frames: unsigned counts wrap (5 - 7 = 65534).
    """

    name = "Subtraction"
    version = 2
    description = "One frame, of the sky or of the same field at another time, taken from every other."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to subtract from."),
        "subtraction_file": FilesInput(name="Subtraction File", description="The frame to subtract.", maximum=1),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Subtract from one frame after the other."""
        images = look_at(inputs.frames("input_files"), Stage(work, "looking", 0.0, 0.05))
        taken = look(inputs.frames("subtraction_file")[0])
        make = partial(datalab_difference if compatible(inputs) else difference, taken)
        return deliver_each(images, make, type(self), inputs, work, "subtracting", 0.05)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to have one frame at a time in memory."""
        return estimates.one_by_one(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        files = inputs.frames("input_files")
        read = "science" if compatible(inputs) else "read"
        steps = f"""
            for index, path in enumerate(FILES):
                frame, taken = common({read}(path), {read}(TAKEN[0]))
                save(frame - taken, {stem!r}, index)
            """
        title = f"Subtraction of one frame from {len(files)}."
        return script_parts.script(title, {"FILES": files, "TAKEN": inputs.frames("subtraction_file")}, steps)


def difference(taken: Image, image: Image, stage: Stage) -> Product:
    """Return an image less another."""
    shape = same_shape([image, taken])
    kind = working_type([taken])
    noisy = image.noisy and taken.noisy

    def subtract(band: Band, rows: NDArray[Any], variance: NDArray[Any] | None) -> None:
        with Reader() as reader:
            other = read_good(reader, taken, band, shape[1], kind)
            if variance is not None:
                variance += read_variance(reader, taken, band, shape[1], other)
        rows -= other

    product = changed(image, subtract, stage, shape, noisy=noisy)
    subtract_noise(product.header, image.facts, taken.facts)
    return product


def datalab_difference(taken: Image, image: Image, stage: Stage) -> Product:
    """Return an image less another in the type of their pixels, as the prior system does."""
    height, width = same_shape([image, taken])
    with Reader() as reader:
        pixels = reader.rows(image.science, 0, height)[:, :width]
        other = reader.rows(taken.science, 0, height)[:, :width]
    stage.report(0.5)
    return Product(np.subtract(pixels, other), header_of(image))
