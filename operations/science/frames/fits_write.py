"""Writing a result as FITS: primary header, SCI, ERR and BPM as far as there are any, and the provenance."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from astropy.io import fits
from numpy.typing import NDArray

from operations.framework.common_inputs import LOSSY, PLAIN
from operations.framework.keys import given_key
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Given
from operations.science.frames import provenance
from operations.science.frames.product import Product

LOSSY_STEP = 16
STRUCTURAL = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "EXTEND", "BSCALE", "BZERO")
CHECKSUMS = ("BLANK", "CHECKSUM", "DATASUM", "EXTNAME", "EXTVER", "INHERIT", "ZDITHER0")


def write(
    product: Product, operation: type[BaseDataOperation], given: Given, path: Path, checkpoint: Callable[[], None]
) -> Path:
    """Write the file plane by plane, with a checkpoint after each, and return its path."""
    storage = given.text("storage")
    header = cleaned(product.header)
    for line in provenance.history(operation, given):
        header.add_history(line)
    if storage == LOSSY:
        header.add_history(f"  stored with loss: steps of a {LOSSY_STEP}th of the noise of each row")
    _primary(operation, given).writeto(path)
    with fits.open(path, mode="append", memmap=False) as file:
        for hdu in _extensions(product, header, storage):
            checkpoint()
            file.append(hdu)
            file.flush(output_verify="silentfix")
        file.append(provenance.table(operation, given))
        file.flush(output_verify="silentfix")
    return path


def _extensions(product: Product, header: fits.Header, storage: str) -> Iterator[Any]:
    yield _plane(product.pixels, header, "SCI", storage)
    if product.error is not None:
        yield _plane(product.error, fits.Header(), "ERR", storage)
    if product.bad is not None:
        yield _plane(product.bad.astype("u1"), fits.Header(), "BPM", PLAIN if storage == PLAIN else "")


def cleaned(header: fits.Header) -> fits.Header:
    """Return a copy of a header without what describes the old array: its shape, scaling, checksums and names."""
    kept = header.copy(strip=True)
    for name in (*STRUCTURAL, *CHECKSUMS):
        kept.remove(name, ignore_missing=True, remove_all=True)
    return kept


def _primary(operation: type[BaseDataOperation], given: Given) -> fits.PrimaryHDU:
    primary = fits.PrimaryHDU()
    primary.header["ORIGIN"] = "Carrel"
    primary.header["OPNAME"] = (operation.name, "operation")
    primary.header["OPKEY"] = given_key(operation, given)
    primary.header.add_comment(f"{operation.name} of {provenance.ascii_text(provenance.shown(given))}")
    primary.header.add_comment("The table PROVENANCE tells number and SHA-256 of every file.")
    return primary


def _plane(pixels: NDArray[Any], header: fits.Header, name: str, storage: str) -> Any:
    if storage == PLAIN:
        return fits.ImageHDU(pixels, header, name=name)
    if storage == LOSSY and pixels.dtype.kind == "f":
        return fits.CompImageHDU(pixels, header, name=name, compression_type="RICE_1", quantize_level=LOSSY_STEP)
    return fits.CompImageHDU(pixels, header, name=name, compression_type="GZIP_2", quantize_level=0)
