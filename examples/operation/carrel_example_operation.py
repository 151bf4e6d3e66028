"""Smoothing: an example of an operation in a package of its own, which Carrel finds by its entry point."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from operations.framework import estimates, script_parts
from operations.framework.common_inputs import STORAGE
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput, FloatInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import make_result_per_image
from operations.science.combination.stacks import read_good, working_dtype
from operations.science.frames.bands import Band
from operations.science.frames.images import Image, open_images, read_header
from operations.science.frames.planes import PlaneReader
from operations.science.frames.product import Product

IMPORTS = "from typing import Any\n\nfrom numpy.typing import NDArray\nfrom scipy.ndimage import gaussian_filter\n"


class Smoothing(BaseDataOperation):
    """Smooths frames by a Gaussian profile; bad pixels are ignored by normalizing with the weight of the good ones."""

    name = "Smoothing"
    version = 2
    description = "Smooths every frame by a Gaussian profile, so that faint extended sources become visible."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to smooth."),
        "sigma": FloatInput(
            name="Width", description="The sigma of the profile.", default=2.0, minimum=0.1, maximum=50, unit="pixel"
        ),
        "storage": STORAGE,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Smooth one frame at a time."""
        images = open_images(inputs.frames("input_files"), SubProgress(context, "opening", 0.0, 0.05))

        def make(image: Image, progress: SubProgress) -> Product:
            with PlaneReader() as reader:
                pixels = read_good(reader, image, Band(0, image.shape[0]), image.shape[1], working_dtype([image]))
            progress.report(0.3, image.basename)
            return Product(smooth(pixels, inputs.number("sigma")), read_header(image))

        return make_result_per_image(images, make, type(self), inputs, context, "smoothing", 0.05)

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for one frame at a time in memory."""
        return estimates.for_single_frames(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy, astropy and scipy."""
        files = inputs.frames("input_files")
        steps = f"""
            for index, path in enumerate(FILES):
                save(smooth(read(path), {inputs.number("sigma")}), {stem!r}, index)
            """
        title = f"Smooths {len(files)} frames."
        return script_parts.build_script(title, {"FILES": files}, steps, script_parts.source_of(smooth), IMPORTS)


def smooth(pixels: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Return an image smoothed by a Gaussian profile; NaN where no good pixel is near."""
    good = np.isfinite(pixels)
    weight = gaussian_filter(good.astype(pixels.dtype), sigma)
    with np.errstate(invalid="ignore", divide="ignore"):
        return gaussian_filter(np.where(good, pixels, 0), sigma) / weight
