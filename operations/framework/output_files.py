"""Writing result images: the FITS file and the previews of each."""

from collections.abc import Callable, Sequence
from pathlib import Path

from operations.framework.context import OperationContext, SubProgress
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import OperationOutcome, Output, OutputKind, RunInputs
from operations.science.frames.fits_write import write_fits
from operations.science.frames.images import Image
from operations.science.frames.product import Product
from operations.science.graphics.image_files import save_previews
from operations.science.graphics.stretch import find_limits, to_greyscale

STEM = "result"
PROCESSING_SHARE = 0.6
"""The share of the time per frame that is spent before anything is written."""


def write_result(
    product: Product,
    operation: type[BaseDataOperation],
    inputs: RunInputs,
    progress: SubProgress,
    folder: Path,
    index: int | None = None,
) -> tuple[Output, ...]:
    """Write an image, result number `index` of the run, into the folder and return its outputs."""
    stem = STEM if index is None else f"{STEM}-{index}"
    path = write_fits(product, operation, inputs, folder / f"{stem}.fits", progress.checkpoint)
    progress.report(0.7)
    picture = to_greyscale(product.pixels, find_limits(product.pixels))
    outputs = (Output(path, OutputKind.FITS, index), *save_previews(picture, folder, stem, index))
    progress.report(1.0)
    return outputs


def make_result_per_image(
    images: Sequence[Image],
    make: Callable[[Image, SubProgress], Product],
    operation: type[BaseDataOperation],
    inputs: RunInputs,
    context: OperationContext,
    phase: str,
    start: float,
) -> OperationOutcome:
    """Make one result of each image, in order, and publish each as soon as it is written."""
    outputs: list[Output] = []
    for at, image in enumerate(images):
        begin = start + (1 - start) * at / len(images)
        end = start + (1 - start) * (at + 1) / len(images)
        middle = begin + (end - begin) * PROCESSING_SHARE
        product = make(image, SubProgress(context, phase, begin, middle))
        writing = SubProgress(context, phase, middle, end)
        written = write_result(product, operation, inputs, writing, context.folder, at)
        for output in written:
            context.publish(output)
        outputs += written
    return OperationOutcome(tuple(outputs))
