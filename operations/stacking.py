"""Stacking: combines many frames of one field to a deeper image."""

from collections.abc import Sequence
from dataclasses import replace

from astropy.io import fits

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, OFF, STORAGE, is_datalab_mode
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput, FloatInput, IntInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import write_result
from operations.science.combination.frame_scales import SCALE, WEIGHTS, ZERO, frame_scalings
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, FrameScaling, StackSettings
from operations.science.frames.headers import combined_header
from operations.science.frames.images import Image, open_images
from operations.science.frames.wcs import replace_wcs
from operations.science.projection.grid import Grid, common_grid
from operations.science.projection.projection import project
from operations.science.projection.rectangles import Rectangle, intersection
from operations.science.scripts.stacking import build_stacking_script

SIMPLE, REPROJECT = "simple", "reproject"
COMMON, ALL = "common", "all"
NOT_DATALAB = {"compatibility": (OFF,)}
CLIPPED_ONLY = NOT_DATALAB | {"combination": (str(Combination.SIGMA_CLIPPED),)}


class Stacking(BaseDataOperation):
    """Frames are combined from their lower left corner, cropped to the smallest, or projected onto a common grid.

    The grid covers all frames (coordinate frame of the first, tangential, north up, finest pixels). The projection
    conserves flux; the result is cropped to the rectangle that all frames cover, or not cropped. Masked pixels and NaN
    are ignored, and a sum with missing values is scaled to all frames. In the mode datalab it is the sum without NaN.
    """

    name = "Stacking"
    version = 2
    description = (
        "Adds or averages many frames of one field to a deeper image, pixel by pixel or projected onto a common grid."
    )
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to stack.", minimum=2),
        "stacking_mode": SelectInput(
            name="Stacking Mode",
            description="simple combines pixel by pixel, reproject projects the frames onto a common sky grid first.",
            options=(SIMPLE, REPROJECT),
            default=SIMPLE,
        ),
        "combination": SelectInput(
            name="Combination",
            description="How the values of a pixel are combined.",
            options=tuple(map(str, Combination)),
            default=str(Combination.SUM),
            advanced=True,
            only_when=NOT_DATALAB,
        ),
        "sigma_low": FloatInput(
            name="Lower Limit",
            description="The greatest distance of a value below the median.",
            default=3.0,
            minimum=0.5,
            maximum=100,
            unit="sigma",
            advanced=True,
            only_when=CLIPPED_ONLY,
        ),
        "sigma_high": FloatInput(
            name="Upper Limit",
            description="The greatest distance of a value above the median.",
            default=3.0,
            minimum=0.5,
            maximum=100,
            unit="sigma",
            advanced=True,
            only_when=CLIPPED_ONLY,
        ),
        "rounds": IntInput(
            name="Rounds",
            description="The maximum number of clipping iterations.",
            default=5,
            minimum=1,
            maximum=50,
            advanced=True,
            only_when=CLIPPED_ONLY,
        ),
        "weights": WEIGHTS,
        "scale": SCALE,
        "zero": ZERO,
        "coverage": SelectInput(
            name="Coverage",
            description="common keeps the rectangle that all projected frames cover, all keeps the whole grid.",
            options=(COMMON, ALL),
            default=COMMON,
            advanced=True,
            only_when=NOT_DATALAB | {"stacking_mode": (REPROJECT,)},
        ),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Project the frames if the inputs select it, then combine them by bands."""
        images = open_images(inputs.frames("input_files"), SubProgress(context, "opening", 0.0, 0.05))
        grid: Grid | None = None
        layers: Sequence[Image] = images
        if inputs.text("stacking_mode") == REPROJECT:
            layers, grid = project_all(images, inputs, context)
        matching = SubProgress(context, "matching", 0.7 if grid else 0.05, 0.8 if grid else 0.2)
        settings = stack_settings(layers, inputs, matching)
        combining = SubProgress(context, "combining", 0.8 if grid else 0.2, 0.9)
        reduction = Reduction(layers, settings, science_only=is_datalab_mode(inputs)).run(combining)
        product = reduction.product(stack_header(images, settings, grid))
        return OperationOutcome(
            write_result(product, type(self), inputs, SubProgress(context, "saving", 0.9, 1.0), context.folder)
        )

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for reading all frames by bands, or for projecting them one at a time."""
        frames = inputs.frames("input_files")
        if inputs.text("stacking_mode") == REPROJECT:
            return estimates.for_projection(frames)
        return estimates.for_combination(frames, copies=2.5)

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy, astropy and reproject."""
        return build_stacking_script(inputs, stem)


def stack_settings(images: Sequence[Image], inputs: RunInputs, progress: SubProgress) -> StackSettings:
    """Return the rule and the scalings that the inputs select."""
    combination = Combination(inputs.text("combination", Combination.SUM))
    if is_datalab_mode(inputs):
        return StackSettings(combination, tuple(FrameScaling() for _ in images))
    low, high = inputs.number("sigma_low", 3.0), inputs.number("sigma_high", 3.0)
    return StackSettings(
        combination, frame_scalings(images, inputs, progress), low, high, int(inputs.number("rounds", 5))
    )


def project_all(images: Sequence[Image], inputs: RunInputs, context: OperationContext) -> tuple[list[Image], Grid]:
    """Return the images on their common grid, and the part of the grid that the result keeps."""
    grid = common_grid(images)
    progress = SubProgress(context, "projecting", 0.05, 0.7)
    layers = [
        project(
            image,
            grid,
            context.folder / f"projected-{at}.fits",
            progress.part(at, len(images)),
            science_only=is_datalab_mode(inputs),
        )
        for at, image in enumerate(images)
    ]
    part = Rectangle(0, grid.shape[0], 0, grid.shape[1])
    if inputs.text("coverage", COMMON) == COMMON:
        part = intersection(each.covered for each in layers)
    return [replace(each.image, corner=(part.top, part.left), size=part.shape) for each in layers], grid.crop(part)


def stack_header(images: Sequence[Image], settings: StackSettings, grid: Grid | None) -> fits.Header:
    """Return the header of the stack; for projected frames with the WCS of their grid only."""
    header = combined_header(images, settings)
    if grid is not None:
        replace_wcs(header, grid.wcs)
    return header
