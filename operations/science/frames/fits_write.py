"""Writes a result as FITS: primary header, SCI, ERR and BPM if they exist, and the provenance table.

The same run writes the same bytes: cards and comments must not change without a new version of the operation.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from astropy.io import fits
from numpy.typing import NDArray

from operations.framework.common_inputs import LOSSY, PLAIN
from operations.framework.keys import run_key
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import RunInputs
from operations.science.frames import provenance
from operations.science.frames.product import Product

LOSSY_STEP = 16
STRUCTURAL = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "EXTEND", "BSCALE", "BZERO")
CHECKSUMS = ("BLANK", "CHECKSUM", "DATASUM", "EXTNAME", "EXTVER", "INHERIT", "ZDITHER0")


def write_fits(
    product: Product, operation: type[BaseDataOperation], inputs: RunInputs, path: Path, checkpoint: Callable[[], None]
) -> Path:
    """Write the file plane by plane, with a checkpoint after each, and return its path."""
    storage = inputs.text("storage")
    header = without_array_cards(product.header)
    for line in provenance.history(operation, inputs):
        header.add_history(line)
    if storage == LOSSY:
        header.add_history(f"  stored with loss: steps of a {LOSSY_STEP}th of the noise of each row")
    _primary_hdu(operation, inputs).writeto(path)
    with fits.open(path, mode="append", memmap=False) as file:
        for hdu in _extension_hdus(product, header, storage):
            checkpoint()
            file.append(hdu)
            file.flush(output_verify="silentfix")
        file.append(provenance.table(operation, inputs))
        file.flush(output_verify="silentfix")
    return path


def _extension_hdus(product: Product, header: fits.Header, storage: str) -> Iterator[Any]:
    yield _plane_hdu(product.pixels, header, "SCI", storage)
    if product.error is not None:
        yield _plane_hdu(product.error, fits.Header(), "ERR", storage)
    if product.bad is not None:
        yield _plane_hdu(product.bad.astype("u1"), fits.Header(), "BPM", PLAIN if storage == PLAIN else "")


def without_array_cards(header: fits.Header) -> fits.Header:
    """Return a copy of a header without the cards about the old array: its shape, scaling, checksums and names."""
    copied = header.copy(strip=True)
    for name in (*STRUCTURAL, *CHECKSUMS):
        copied.remove(name, ignore_missing=True, remove_all=True)
    return copied


def _primary_hdu(operation: type[BaseDataOperation], inputs: RunInputs) -> fits.PrimaryHDU:
    primary = fits.PrimaryHDU()
    primary.header["ORIGIN"] = "Carrel"
    primary.header["OPNAME"] = (operation.name, "operation")
    primary.header["OPKEY"] = run_key(operation, inputs)
    primary.header.add_comment(f"{operation.name} of {provenance.ascii_text(provenance.listed_names(inputs))}")
    primary.header.add_comment("The table PROVENANCE tells number and SHA-256 of every file.")
    return primary


def _plane_hdu(pixels: NDArray[Any], header: fits.Header, name: str, storage: str) -> Any:
    if storage == PLAIN:
        return fits.ImageHDU(pixels, header, name=name)
    if storage == LOSSY and pixels.dtype.kind == "f":
        return fits.CompImageHDU(pixels, header, name=name, compression_type="RICE_1", quantize_level=LOSSY_STEP)
    return fits.CompImageHDU(pixels, header, name=name, compression_type="GZIP_2", quantize_level=0)
