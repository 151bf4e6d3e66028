"""Normalization: every frame divided by its own median."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework import estimates, script_parts
from operations.framework.common_inputs import COMPATIBILITY, STORAGE, compatible
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.framework.output_files import deliver_each
from operations.science.combination.single_frame import changed
from operations.science.combination.stacks import read_good, working_type
from operations.science.frames.bands import Band
from operations.science.frames.headers import rescale
from operations.science.frames.images import Image, header_of, look_at
from operations.science.frames.planes import Reader
from operations.science.frames.product import Product


class Normalization(BaseDataOperation):
    """One result per frame, in the order of the files.

    The median is that of the good pixels. In the mode datalab it is that of all pixels, so that a NaN makes all of them
    NaN, and a median of zero makes them infinite; otherwise such a frame is refused.
    """

    name = "Normalization"
    version = 2
    description = "Every frame divided by the median of its pixels, so that frames of different levels compare."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to normalize."),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Normalize one frame after the other."""
        images = look_at(inputs.frames("input_files"), Stage(work, "looking", 0.0, 0.05))
        make = datalab_normalized if compatible(inputs) else normalized
        return deliver_each(images, make, type(self), inputs, work, "normalizing", 0.05)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to have one frame at a time in memory."""
        return estimates.one_by_one(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        files = inputs.frames("input_files")
        read, value = "read(path)", "np.median(frame[np.isfinite(frame)])"
        if compatible(inputs):
            read, value = "science(path)", "np.median(frame)"
        steps = f"""
            for index, path in enumerate(FILES):
                frame = {read}
                save(frame / {value}, {stem!r}, index)
            """
        return script_parts.script(f"Normalization of {len(files)} frames.", {"FILES": files}, steps)


def normalized(image: Image, stage: Stage) -> Product:
    """Return an image divided by the median of its good pixels."""
    level = median_of(image)
    if not np.isfinite(level) or level == 0:
        raise BadInput(f"{image.basename} has the median {level:g} and cannot be divided by it; leave it out.")

    def divide(_: Band, rows: NDArray[Any], variance: NDArray[Any] | None) -> None:
        rows /= level
        if variance is not None:
            variance /= level * level

    product = changed(image, divide, stage)
    rescale(product.header, image.facts, 1 / float(level))
    product.header["NORMVAL"] = (float(level), "median that the pixels were divided by")
    return product


def median_of(image: Image) -> Any:
    """Return the median of the good pixels, in their own type; NaN when there are none."""
    with Reader() as reader:
        pixels = read_good(reader, image, Band(0, image.shape[0]), image.shape[1], working_type([image]))
    good = pixels[np.isfinite(pixels)]
    return np.median(good, overwrite_input=True) if good.size else good.dtype.type(np.nan)


def datalab_normalized(image: Image, stage: Stage) -> Product:
    """Return an image divided by the median of all of its pixels, as the prior system does."""
    with Reader() as reader:
        pixels = reader.rows(image.science)
    stage.report(0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Product(pixels / np.median(pixels), header_of(image))
