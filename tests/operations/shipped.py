"""Real frames from the wheels of libraries."""

from importlib.util import find_spec
from pathlib import Path
from shutil import copy
from typing import Any

from tests.operations.frames import OperationHarness

FILES = {
    "ccd": ("ccdproc", "tests/data/a8280271.fits"),
    "m13": ("astropy", "io/fits/hdu/compressed/tests/data/m13.fits"),
    "comp": ("astropy", "io/fits/tests/data/comp.fits"),
    "sip": ("astropy", "nddata/tests/data/sip-wcs.fits"),
    "gmos": ("astroscrappy", "tests/data/gmos.fits"),
    "secchi_a": ("reproject", "tests/data/secchi_l0_a.fits"),
    "secchi_b": ("reproject", "tests/data/secchi_l0_b.fits"),
}


def path(name: str) -> Path:
    """Return the path of a frame."""
    package, inside = FILES[name]
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / inside


def copy_frame(harness: OperationHarness, name: str) -> dict[str, Any]:
    """Copy a frame into the folder and return its item."""
    copy(path(name), harness.folder / f"{name}.fits")
    return {"source": "wheel", "basename": f"{name}.fits"}
