"""Median: one image, each pixel the median of that pixel over all frames."""

from operations.framework import estimates, script_parts
from operations.framework.common_inputs import COMPATIBILITY, STORAGE, compatible
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.framework.output_files import deliver
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, Recipe, Share
from operations.science.frames.headers import combined_header
from operations.science.frames.images import look_at


class Median(BaseDataOperation):
    """Frames are laid on their lower left corner without alignment and cut to the smallest.

    What a mask calls bad, and NaN, does not count. In the mode datalab masks are not read and a NaN in any frame makes
    the pixel NaN.
    """

    name = "Median"
    version = 2
    description = "The median of every pixel over all frames, as they lie: it removes what only few of them show."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to take the median of.", minimum=2),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Read the frames by bands, and write the median of each."""
        images = look_at(inputs.frames("input_files"), Stage(work, "looking", 0.0, 0.1))
        recipe = Recipe(Combination.MEDIAN, tuple(Share() for _ in images))
        reduction = Reduction(images, recipe, plain=compatible(inputs)).run(Stage(work, "combining", 0.1, 0.8))
        product = reduction.product(combined_header(images, recipe))
        return Outcome(deliver(product, type(self), inputs, Stage(work, "saving", 0.8, 1.0), work.folder))

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to read all frames once by bands."""
        return estimates.combining(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        files = inputs.frames("input_files")
        value = "np.nanmedian(np.array(common(*map(read, FILES))), axis=0)"
        if compatible(inputs):
            value = "np.median(np.array(common(*map(science, FILES))), axis=0)"
        steps = f"save({value}, {stem!r})"
        return script_parts.script(f"Median of {len(files)} frames.", {"FILES": files}, steps)
