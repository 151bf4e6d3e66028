"""Handing over an image: the FITS file and the pictures of it."""

from operations.frames.product import Product
from operations.frames.writing import write
from operations.operation import BaseDataOperation
from operations.outcome import Given, Output, OutputKind
from operations.pictures.saving import previews
from operations.pictures.stretch import found_limits, grey
from operations.work import Work

STEM = "result"


def deliver(
    product: Product, operation: type[BaseDataOperation], given: Given, work: Work, index: int | None = None
) -> tuple[Output, ...]:
    """Write an image of result number `index` into the scratch folder and return its files."""
    work.checkpoint()
    stem = STEM if index is None else f"{STEM}-{index}"
    path = write(product, operation, given, work.folder / f"{stem}.fits")
    work.checkpoint()
    picture = grey(product.pixels, found_limits(product.pixels))
    return (Output(path, OutputKind.FITS, index), *previews(picture, work.folder, stem, index))
