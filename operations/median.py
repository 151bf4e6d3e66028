"""Median: one image, each pixel the median of that pixel over all frames."""

import numpy as np

from operations import estimating, scripting
from operations.choices import COMPATIBILITY, STORAGE, compatible
from operations.combining.recipe import Combination, Recipe, Share
from operations.combining.reduction import Reduction
from operations.delivery import deliver
from operations.frames.headers import combined_header
from operations.frames.images import look
from operations.frames.product import Product
from operations.inputs import FilesInput
from operations.operation import BaseDataOperation
from operations.outcome import Estimate, Given, Outcome
from operations.work import Stage, Work


class Median(BaseDataOperation):
    """Frames are laid on their lower left corner without alignment and cut to the smallest.

    What a mask calls bad, and NaN, does not count. In the mode datalab masks are not read and a NaN in any frame makes
    the pixel NaN.
    """

    name = "Median"
    description = "The median of every pixel over all frames, as they lie: it removes what only few of them show."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to take the median of.", minimum=2),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Read the frames by bands, and write the median of each."""
        frames = inputs.frames("input_files")
        looking = Stage(work, "looking", 0.0, 0.1)
        images = []
        for at, frame in enumerate(frames):
            looking.report(at / len(frames))
            images.append(look(frame))
        recipe = Recipe(Combination.MEDIAN, tuple(Share() for _ in images))
        reduction = Reduction(images, recipe, plain=compatible(inputs))
        reduction.run(Stage(work, "combining", 0.1, 0.8))
        header = combined_header(images, Combination.MEDIAN)
        bad = reduction.bad if reduction.bad.any() else None
        product = Product(np.asarray(reduction.pixels), header, reduction.error, bad)
        work.report(0.8, "saving")
        outcome = Outcome(deliver(product, type(self), inputs, work))
        work.report(1.0, "done")
        return outcome

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to read all frames once by bands."""
        return estimating.combining(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        return scripting.script(
            f"Median of {len(inputs.frames('input_files'))} frames.",
            {"FILES": inputs.frames("input_files")},
            f"""
            result = {self._expression(inputs)}
            fits.PrimaryHDU(result).writeto({f"{stem}.fits"!r}, overwrite=True)
            """,
        )

    def _expression(self, inputs: Given) -> str:
        return (
            "np.median(stacked(FILES, masks=False), axis=0)"
            if compatible(inputs)
            else "np.nanmedian(stacked(FILES), axis=0)"
        )
