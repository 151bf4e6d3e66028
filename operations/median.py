"""Median: one image, each pixel the median of that pixel over all frames."""

from operations.framework import estimates, script_parts
from operations.framework.common_inputs import COMPATIBILITY, STORAGE, is_datalab_mode
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import write_result
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, FrameScaling, StackSettings
from operations.science.frames.headers import combined_header
from operations.science.frames.images import open_images


class Median(BaseDataOperation):
    """Frames are combined from their lower left corner, without alignment, and cropped to the smallest.

    Masked pixels and NaN are ignored. In the mode datalab masks are not read, and a NaN in a frame makes the pixel NaN.
    """

    name = "Median"
    version = 2
    description = "The median of every pixel over all frames, not aligned; it removes what appears in few of them."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to take the median of.", minimum=2),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Read the frames by bands and take the median of each band."""
        images = open_images(inputs.frames("input_files"), SubProgress(context, "opening", 0.0, 0.1))
        settings = StackSettings(Combination.MEDIAN, tuple(FrameScaling() for _ in images))
        reduction = Reduction(images, settings, science_only=is_datalab_mode(inputs)).run(
            SubProgress(context, "combining", 0.1, 0.8)
        )
        product = reduction.product(combined_header(images, settings))
        return OperationOutcome(
            write_result(product, type(self), inputs, SubProgress(context, "saving", 0.8, 1.0), context.folder)
        )

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for reading all frames once by bands."""
        return estimates.for_combination(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy and astropy."""
        files = inputs.frames("input_files")
        value = "np.nanmedian(np.array(common(*map(read, FILES))), axis=0)"
        if is_datalab_mode(inputs):
            value = "np.median(np.array(common(*map(science, FILES))), axis=0)"
        steps = f"save({value}, {stem!r})"
        return script_parts.build_script(f"Median of {len(files)} frames.", {"FILES": files}, steps)
