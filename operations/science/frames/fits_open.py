"""Opens FITS files and translates the errors of missing, truncated and damaged files into one sentence."""

import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from core.errors import BadInput
from operations.framework.errors import OperationInterrupted

UNREADABLE = (OSError, fits.VerifyError, zlib.error, ValueError)
NOT_READABLE = "is not a readable FITS file. Upload it again or leave it out"


@contextmanager
def open_fits(path: Path, basename: str) -> Iterator[fits.HDUList]:
    """Open a file for reading and close it at the end."""
    # astropy raises these for malformed headers; inside the block they would be bugs of the caller.
    with translate_errors(basename, also=(TypeError, KeyError, IndexError)):
        file = open_quietly(path)
    try:
        with translate_errors(basename):
            yield file
    finally:
        file.close()


def open_quietly(path: Path) -> fits.HDUList:
    """Open a file and read all of its headers, without warnings about unusual cards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("error", message=".*truncated.*")
        file = fits.open(path, mode="readonly", memmap=False, lazy_load_hdus=True)
        try:
            len(file)  # Reads all headers, so that a truncated file fails here.
        except BaseException:
            file.close()
            raise
        return file


@contextmanager
def translate_errors(basename: str, also: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Translate the errors of a missing, truncated or damaged file (and those in `also`) into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise OperationInterrupted(f"{basename} was removed during the run. Start the operation again.") from error
    except AstropyWarning as error:
        raise BadInput(f"{basename} is truncated. Upload it again.") from error
    except (*UNREADABLE, *also) as error:
        raise BadInput(f"{basename} {NOT_READABLE}.") from error
