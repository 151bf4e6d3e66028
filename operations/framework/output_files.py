"""Handing over images: the FITS file and the pictures of each."""

from collections.abc import Callable, Sequence
from pathlib import Path

from operations.framework.context import Stage, Work
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Given, Outcome, Output, OutputKind
from operations.science.frames.fits_write import write
from operations.science.frames.images import Image
from operations.science.frames.product import Product
from operations.science.graphics.image_files import previews
from operations.science.graphics.stretch import found_limits, grey

STEM = "result"
MAKING = 0.6
"""The part of the work on a frame that is done before anything is written."""


def deliver(
    product: Product,
    operation: type[BaseDataOperation],
    given: Given,
    stage: Stage,
    folder: Path,
    index: int | None = None,
) -> tuple[Output, ...]:
    """Write an image, result number `index` of the run, into the folder and return its files."""
    stem = STEM if index is None else f"{STEM}-{index}"
    path = write(product, operation, given, folder / f"{stem}.fits", stage.checkpoint)
    stage.report(0.7)
    picture = grey(product.pixels, found_limits(product.pixels))
    outputs = (Output(path, OutputKind.FITS, index), *previews(picture, folder, stem, index))
    stage.report(1.0)
    return outputs


def deliver_each(
    images: Sequence[Image],
    make: Callable[[Image, Stage], Product],
    operation: type[BaseDataOperation],
    given: Given,
    work: Work,
    phase: str,
    start: float,
) -> Outcome:
    """Make one result of each image, in their order, and publish each as soon as it is written."""
    outputs: list[Output] = []
    for at, image in enumerate(images):
        from_here = start + (1 - start) * at / len(images)
        to_here = start + (1 - start) * (at + 1) / len(images)
        between = from_here + (to_here - from_here) * MAKING
        product = make(image, Stage(work, phase, from_here, between))
        made = deliver(product, operation, given, Stage(work, phase, between, to_here), work.folder, at)
        for output in made:
            work.publish(output)
        outputs += made
    return Outcome(tuple(outputs))
