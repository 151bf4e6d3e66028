"""Stacking: many frames of one field become one deeper image."""

from collections.abc import Sequence
from dataclasses import replace

from astropy.io import fits

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, OFF, STORAGE, compatible
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput, FloatInput, IntInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.framework.output_files import deliver
from operations.science.combination.frame_scales import SCALE, WEIGHTS, ZERO, shares
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, Recipe, Share
from operations.science.frames.headers import combined_header
from operations.science.frames.images import Image, look_at
from operations.science.frames.wcs import put
from operations.science.projection.grid import Grid, common_grid
from operations.science.projection.projection import project
from operations.science.projection.rectangles import Rectangle, common
from operations.science.scripts.stacking import stacking_steps

SIMPLE, REPROJECT = "simple", "reproject"
COMMON, ALL = "common", "all"
OURS = {"compatibility": (OFF,)}
CLIPPED = OURS | {"combination": (str(Combination.SIGMA_CLIPPED),)}


class Stacking(BaseDataOperation):
    """As they lie, frames are laid on their lower left corner and cut to the smallest; or they are projected.

    Projected frames lie on the grid that holds all of them (frame of the first, tangential, north up, finest pixels),
    their flux conserved, cut to the rectangle that all cover, or not cut. What a mask calls bad, and NaN, does not
    count; a sum of which some values are missing keeps its level. In the mode datalab it is the sum of what is not NaN.
    """

    name = "Stacking"
    version = 2
    description = (
        "Many frames of one field added or averaged to a deeper image, as they lie or projected on each other."
    )
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to stack.", minimum=2),
        "stacking_mode": SelectInput(
            name="Stacking Mode",
            description="simple takes the frames as they lie, reproject brings them onto one grid of the sky first.",
            options=(SIMPLE, REPROJECT),
            default=SIMPLE,
        ),
        "combination": SelectInput(
            name="Combination",
            description="How the values of a pixel become one.",
            options=tuple(map(str, Combination)),
            default=str(Combination.SUM),
            advanced=True,
            only_when=OURS,
        ),
        "sigma_low": FloatInput(
            name="Lower Limit",
            description="How far below the median a value may lie.",
            default=3.0,
            minimum=0.5,
            maximum=100,
            unit="sigma",
            advanced=True,
            only_when=CLIPPED,
        ),
        "sigma_high": FloatInput(
            name="Upper Limit",
            description="How far above the median a value may lie.",
            default=3.0,
            minimum=0.5,
            maximum=100,
            unit="sigma",
            advanced=True,
            only_when=CLIPPED,
        ),
        "rounds": IntInput(
            name="Rounds",
            description="How often values are clipped at most.",
            default=5,
            minimum=1,
            maximum=50,
            advanced=True,
            only_when=CLIPPED,
        ),
        "weights": WEIGHTS,
        "scale": SCALE,
        "zero": ZERO,
        "coverage": SelectInput(
            name="Coverage",
            description="common keeps the rectangle that all projected frames cover, all keeps everything.",
            options=(COMMON, ALL),
            default=COMMON,
            advanced=True,
            only_when=OURS | {"stacking_mode": (REPROJECT,)},
        ),
        "storage": STORAGE,
        "compatibility": COMPATIBILITY,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Project the frames if that is asked, then combine them by bands."""
        images = look_at(inputs.frames("input_files"), Stage(work, "looking", 0.0, 0.05))
        grid: Grid | None = None
        layers: Sequence[Image] = images
        if inputs.text("stacking_mode") == REPROJECT:
            layers, grid = projected(images, inputs, work)
        matching = Stage(work, "matching", 0.7 if grid else 0.05, 0.8 if grid else 0.2)
        recipe = recipe_of(layers, inputs, matching)
        combining = Stage(work, "combining", 0.8 if grid else 0.2, 0.9)
        reduction = Reduction(layers, recipe, plain=compatible(inputs)).run(combining)
        product = reduction.product(header(images, recipe, grid))
        return Outcome(deliver(product, type(self), inputs, Stage(work, "saving", 0.9, 1.0), work.folder))

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to read all frames by bands, and to project them one by one if that is asked."""
        frames = inputs.frames("input_files")
        if inputs.text("stacking_mode") == REPROJECT:
            return estimates.projecting(frames)
        return estimates.combining(frames, copies=2.5)

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy, astropy and reproject."""
        return stacking_steps(inputs, stem)


def recipe_of(images: Sequence[Image], given: Given, stage: Stage) -> Recipe:
    """Return how the inputs ask to combine the images."""
    combination = Combination(given.text("combination", Combination.SUM))
    if compatible(given):
        return Recipe(combination, tuple(Share() for _ in images))
    low, high = given.number("sigma_low", 3.0), given.number("sigma_high", 3.0)
    return Recipe(combination, shares(images, given, stage), low, high, int(given.number("rounds", 5)))


def projected(images: Sequence[Image], given: Given, work: Work) -> tuple[list[Image], Grid]:
    """Return the images on their common grid, and the part of the grid that is kept."""
    grid = common_grid(images)
    stage = Stage(work, "projecting", 0.05, 0.7)
    found = [
        project(
            image,
            grid,
            work.folder / f"projected-{at}.fits",
            stage.part(at, len(images)),
            plain=compatible(given),
        )
        for at, image in enumerate(images)
    ]
    part = Rectangle(0, grid.shape[0], 0, grid.shape[1])
    if given.text("coverage", COMMON) == COMMON:
        part = common(each.covered for each in found)
    return [replace(each.image, corner=(part.top, part.left), size=part.shape) for each in found], grid.cut(part)


def header(images: Sequence[Image], recipe: Recipe, grid: Grid | None) -> fits.Header:
    """Return the header of the stack; of projected frames with the WCS of their grid and nothing of an older one."""
    found = combined_header(images, recipe)
    if grid is not None:
        put(found, grid.wcs)
    return found
