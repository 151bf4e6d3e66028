"""Calibration: removes bias, dark and flat from raw frames."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework import estimates
from operations.framework.common_inputs import STORAGE
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import make_result_per_image
from operations.science.combination.frame_scales import exposure_times
from operations.science.combination.single_frame import apply_by_bands
from operations.science.combination.stack_settings import Combination
from operations.science.frames.bands import Band
from operations.science.frames.headers import rescale_header
from operations.science.frames.images import Image, open_images
from operations.science.frames.product import Product
from operations.science.masters import Masters, make_bias, make_dark, make_flat
from operations.science.scripts.calibration import build_calibration_script

CALIBRATION_INPUTS = ("bias_files", "dark_files", "flat_files")


class Calibration(BaseDataOperation):
    """(raw - bias - dark x exposure) / flat, one result per frame, in the order of the files.

    Each master is the combination of its frames less the masters before it: the dark in counts per second, the flat
    divided by its median. All frames must have one shape. The uncertainty of a frame includes its photon noise after
    bias subtraction, its read noise and the noise of the masters. The result is bad where the flat is not above 0.
    """

    name = "Calibration"
    version = 2
    description = "Removes bias, dark and flat from raw frames, with masters combined from all frames of each kind."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The raw frames to calibrate."),
        "bias_files": FilesInput(name="Bias Files", description="Frames without exposure.", required=False),
        "dark_files": FilesInput(name="Dark Files", description="Exposures without light.", required=False),
        "flat_files": FilesInput(name="Flat Files", description="Exposures of even light.", required=False),
        "combination": SelectInput(
            name="Combination",
            description="How the frames of a master are combined.",
            options=(str(Combination.MEDIAN), str(Combination.MEAN), str(Combination.SIGMA_CLIPPED)),
            default=str(Combination.MEDIAN),
        ),
        "storage": STORAGE,
    }

    @classmethod
    def check(cls, inputs: Mapping[str, Any]) -> None:
        """Raise BadInput unless there is at least one kind of calibration frames."""
        if not any(inputs.get(key) for key in CALIBRATION_INPUTS):
            raise BadInput("Calibration needs bias, dark or flat files. Add at least one kind.", path=("bias_files",))

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Make the masters, then calibrate one frame after the other."""
        keys = ("input_files", *CALIBRATION_INPUTS)
        all_images = iter(
            open_images(
                [frame for key in keys for frame in inputs.frames(key)], SubProgress(context, "opening", 0, 0.05)
            )
        )
        images, *rest = (list(islice(all_images, len(inputs.frames(key)))) for key in keys)
        check_shapes([*images, *chain(*rest)])
        kinds = dict(zip(CALIBRATION_INPUTS, rest, strict=True))
        if kinds["dark_files"]:
            exposure_times([*images, *kinds["flat_files"]])
        masters = make_masters(kinds, Combination(inputs.text("combination")), context)
        return make_result_per_image(
            images, partial(calibrate, masters), type(self), inputs, context, "calibrating", 0.4
        )

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for making the masters by bands and calibrating one frame at a time."""
        return estimates.for_calibration(inputs.frames("input_files"), inputs.all_frames())

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy and astropy."""
        return build_calibration_script(inputs, stem)


def check_shapes(images: Sequence[Image]) -> None:
    """Raise BadInput unless all frames have the shape of the first."""
    first = images[0]
    for image in images[1:]:
        if image.shape != first.shape:
            (height, width), (first_height, first_width) = image.shape, first.shape
            raise BadInput(
                f"{image.basename} has {width} x {height} pixels and {first.basename} {first_width} x {first_height}. "
                "Calibration frames must have the shape of the raw frames."
            )


def make_masters(kinds: Mapping[str, Sequence[Image]], combination: Combination, context: OperationContext) -> Masters:
    """Return a master for each kind that has frames."""
    masters = Masters()
    if images := kinds["bias_files"]:
        masters = Masters(make_bias(images, combination, SubProgress(context, "bias", 0.05, 0.15)))
    if images := kinds["dark_files"]:
        dark = make_dark(images, masters, combination, SubProgress(context, "dark", 0.15, 0.25))
        masters = Masters(masters.bias, dark)
    if images := kinds["flat_files"]:
        flat = make_flat(images, masters, combination, SubProgress(context, "flat", 0.25, 0.4))
        masters = Masters(masters.bias, masters.dark, flat)
    return masters


def calibrate(masters: Masters, image: Image, progress: SubProgress) -> Product:
    """Return an image less bias and dark, divided by the flat."""
    # Photon noise is computed from the counts after the bias, but before the dark is subtracted.
    before_noise = Masters(masters.bias)
    after_noise = Masters(None, masters.dark, masters.flat)

    def subtract_bias(band: Band, rows: NDArray[Any]) -> None:
        before_noise.subtract_bias_and_dark(image, band, rows)

    def subtract_dark_and_divide(band: Band, rows: NDArray[Any], variance: NDArray[Any] | None) -> None:
        if variance is not None and masters.bias is not None and masters.bias.variance is not None:
            variance += masters.bias.variance[band.rows]
        after_noise.subtract_bias_and_dark(image, band, rows, variance)
        after_noise.divide_by_flat(band, rows, variance)

    product = apply_by_bands(image, subtract_dark_and_divide, progress, prepare=subtract_bias)
    level = 0.0 if masters.bias is None else float(np.nanmedian(masters.bias.pixels))
    rescale_header(product.header, image.metadata, 1.0, offset=level)
    for card, master in (("BIASCORR", masters.bias), ("DARKCORR", masters.dark), ("FLATCORR", masters.flat)):
        product.header[card] = (master is not None, "taken out")
    return product
