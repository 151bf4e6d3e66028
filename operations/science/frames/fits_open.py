"""Opening a FITS file, and the sentence for each way in which that can go wrong."""

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
NO_FITS = "is not a FITS file that can be read; upload it again or leave it out"


@contextmanager
def opened(path: Path, basename: str) -> Iterator[fits.HDUList]:
    """Open a file for reading; close it at the end."""
    with explained(basename, but=(TypeError, KeyError, IndexError)):
        file = open_quietly(path)
    try:
        with explained(basename):
            yield file
    finally:
        file.close()


def open_quietly(path: Path) -> fits.HDUList:
    """Open a file, all of its headers read, without warnings about cards that are merely odd."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("error", message=".*truncated.*")
        file = fits.open(path, mode="readonly", memmap=False, lazy_load_hdus=True)
        try:
            len(file)
        except BaseException:
            file.close()
            raise
        return file


@contextmanager
def explained(basename: str, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what a file that is gone, cut short or damaged raises (also `but`) into one sentence about it."""
    try:
        yield
    except FileNotFoundError as error:
        raise OperationInterrupted(f"{basename} is no longer where it was; start the operation again.") from error
    except AstropyWarning as error:
        raise BadInput(f"{basename} is cut short: its end is missing; upload it again.") from error
    except (*UNREADABLE, *but) as error:
        raise BadInput(f"{basename} {NO_FITS}.") from error
