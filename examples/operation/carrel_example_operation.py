"""Smoothing: an operation that a package brings. Its entry point is all that Carrel needs to find it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from operations.framework import estimates, script_parts
from operations.framework.common_inputs import STORAGE
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput, FloatInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.framework.output_files import deliver_each
from operations.science.combination.stacks import read_good, working_type
from operations.science.frames.bands import Band
from operations.science.frames.images import Image, header_of, look_at
from operations.science.frames.planes import Reader
from operations.science.frames.product import Product

IMPORTS = "from typing import Any\n\nfrom numpy.typing import NDArray\nfrom scipy.ndimage import gaussian_filter\n"


class Smoothing(BaseDataOperation):
    """Bad pixels count for nothing: what is smoothed is divided by how much of it was good."""

    name = "Smoothing"
    version = 2
    description = "Every frame smoothed by a normal profile, so that faint and wide things show."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to smooth."),
        "sigma": FloatInput(
            name="Width", description="Of the profile.", default=2.0, minimum=0.1, maximum=50, unit="pixel"
        ),
        "storage": STORAGE,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Smooth one frame after the other."""
        images = look_at(inputs.frames("input_files"), Stage(work, "looking", 0.0, 0.05))

        def make(image: Image, stage: Stage) -> Product:
            with Reader() as reader:
                pixels = read_good(reader, image, Band(0, image.shape[0]), image.shape[1], working_type([image]))
            stage.report(0.3, image.basename)
            return Product(smoothed(pixels, inputs.number("sigma")), header_of(image))

        return deliver_each(images, make, type(self), inputs, work, "smoothing", 0.05)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to have one frame at a time in memory."""
        return estimates.one_by_one(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy, astropy and scipy."""
        files = inputs.frames("input_files")
        steps = f"""
            for index, path in enumerate(FILES):
                save(smoothed(read(path), {inputs.number("sigma")}), {stem!r}, index)
            """
        title = f"{len(files)} frames smoothed."
        return script_parts.script(title, {"FILES": files}, steps, script_parts.sources(smoothed), IMPORTS)


def smoothed(pixels: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Return an image smoothed by a normal profile; NaN where there is nothing good near."""
    good = np.isfinite(pixels)
    weight = gaussian_filter(good.astype(pixels.dtype), sigma)
    with np.errstate(invalid="ignore", divide="ignore"):
        return gaussian_filter(np.where(good, pixels, 0), sigma) / weight
