"""Calibration: bias, dark and flat taken out of raw frames."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework import estimates
from operations.framework.common_inputs import STORAGE
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.framework.output_files import deliver_each
from operations.science.calibration.masters import Masters, bias_master, dark_master, flat_master
from operations.science.combination.frame_scales import exposures
from operations.science.combination.single_frame import changed
from operations.science.combination.stack_settings import Combination
from operations.science.frames.bands import Band
from operations.science.frames.headers import rescale
from operations.science.frames.images import Image, look_at
from operations.science.frames.product import Product
from operations.science.scripts.calibration import calibration_script

KINDS = ("bias_files", "dark_files", "flat_files")


class Calibration(BaseDataOperation):
    """(raw - bias - dark x exposure) / flat, one result per frame, in the order of the files.

    Masters are made of what is given, each less the masters before it: the dark in counts a second, the flat divided by
    its median. All frames have one shape. The noise of a frame is that of its light after the bias, its read noise, and
    the noise of the masters. Where the flat is not above 0 the result is bad.
    """

    name = "Calibration"
    version = 2
    description = "Bias, dark and flat taken out of raw frames, with masters made from as many frames as there are."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The raw frames to calibrate."),
        "bias_files": FilesInput(name="Bias Files", description="Frames without exposure.", required=False),
        "dark_files": FilesInput(name="Dark Files", description="Exposures without light.", required=False),
        "flat_files": FilesInput(name="Flat Files", description="Exposures of even light.", required=False),
        "combination": SelectInput(
            name="Combination",
            description="How the frames of a master become one.",
            options=(str(Combination.MEDIAN), str(Combination.MEAN), str(Combination.SIGMA_CLIPPED)),
            default=str(Combination.MEDIAN),
        ),
        "storage": STORAGE,
    }

    @classmethod
    def check(cls, inputs: Mapping[str, Any]) -> None:
        """Ask for at least one kind of calibration frames."""
        if not any(inputs.get(key) for key in KINDS):
            raise BadInput("Calibration needs bias, dark or flat files; give at least one kind.", path=("bias_files",))

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Make the masters, then calibrate one frame after the other."""
        keys = ("input_files", *KINDS)
        every = iter(look_at([frame for key in keys for frame in inputs.frames(key)], Stage(work, "looking", 0, 0.05)))
        images, *rest = (list(islice(every, len(inputs.frames(key)))) for key in keys)
        check_shapes([*images, *chain(*rest)])
        kinds = dict(zip(KINDS, rest, strict=True))
        if kinds["dark_files"]:
            exposures([*images, *kinds["flat_files"]])
        masters = make_masters(kinds, Combination(inputs.text("combination")), work)
        return deliver_each(images, partial(calibrated, masters), type(self), inputs, work, "calibrating", 0.4)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to make the masters by bands, and to calibrate one frame at a time beside them."""
        return estimates.calibrating(inputs.frames("input_files"), inputs.all_frames())

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        return calibration_script(inputs, stem)


def check_shapes(images: Sequence[Image]) -> None:
    """Raise BadInput unless all frames have the shape of the first."""
    first = images[0]
    for image in images[1:]:
        if image.shape != first.shape:
            (height, width), (other, wide) = image.shape, first.shape
            raise BadInput(
                f"{image.basename} has {width} x {height} pixels and {first.basename} {wide} x {other}; "
                "calibration frames must have the shape of the frames."
            )


def make_masters(kinds: Mapping[str, Sequence[Image]], combination: Combination, work: Work) -> Masters:
    """Return the masters of the kinds of frames that there are."""
    masters = Masters()
    if images := kinds["bias_files"]:
        masters = Masters(bias_master(images, combination, Stage(work, "bias", 0.05, 0.15)))
    if images := kinds["dark_files"]:
        dark = dark_master(images, masters, combination, Stage(work, "dark", 0.15, 0.25))
        masters = Masters(masters.bias, dark)
    if images := kinds["flat_files"]:
        flat = flat_master(images, masters, combination, Stage(work, "flat", 0.25, 0.4))
        masters = Masters(masters.bias, masters.dark, flat)
    return masters


def calibrated(masters: Masters, image: Image, stage: Stage) -> Product:
    """Return an image less bias and dark, divided by the flat."""
    before = Masters(masters.bias)
    after = Masters(None, masters.dark, masters.flat)

    def clear(band: Band, rows: NDArray[Any]) -> None:
        before.clear(image, band, rows)

    def change(band: Band, rows: NDArray[Any], variance: NDArray[Any] | None) -> None:
        if variance is not None and masters.bias is not None and masters.bias.variance is not None:
            variance += masters.bias.variance[band.rows]
        after.clear(image, band, rows, variance)
        after.divide(band, rows, variance)

    product = changed(image, change, stage, before=clear)
    level = 0.0 if masters.bias is None else float(np.nanmedian(masters.bias.pixels))
    rescale(product.header, image.facts, 1.0, less=level)
    for card, master in (("BIASCORR", masters.bias), ("DARKCORR", masters.dark), ("FLATCORR", masters.flat)):
        product.header[card] = (master is not None, "taken out")
    return product
