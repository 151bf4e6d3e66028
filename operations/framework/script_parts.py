"""Builds the scripts that reproduce a result with public libraries only, from functions that the scripts share."""

import inspect
import re
from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import Any

from operations.framework.outcome import Frame

SHARED_FUNCTIONS = {
    "science": '''
def science(path, names=("SCI",)):
    """Return the pixels of the first image with one of the names; by default those of the science plane."""
    with fits.open(path, memmap=False) as file:
        images = [hdu for hdu in file if hdu.is_image and hdu.data is not None and hdu.data.ndim >= 2]
        matches = [hdu for hdu in images if hdu.name in names] or images[: "SCI" in names]
        return matches[0].data.reshape(matches[0].data.shape[-2:]) if matches else None
''',
    "read": '''
def read(path):
    """Return the science plane as floats, with masked pixels as NaN."""
    pixels, mask = science(path), science(path, ("BPM", "MASK", "DQ"))
    pixels = pixels.astype("f4" if pixels.dtype == "f4" or np.can_cast(pixels.dtype, "f4") else "f8")
    if mask is not None:
        pixels[mask != 0] = np.nan
    return pixels
''',
    "common": '''
def common(*frames):
    """Return the frames cut to their common lower left corner."""
    height, width = (min(frame.shape[axis] for frame in frames) for axis in (0, 1))
    return [frame[:height, :width] for frame in frames]
''',
    "save": '''
def save(pixels, stem, index=None):
    """Write an image as a FITS file."""
    name = f"{stem}.fits" if index is None else f"{stem}-{index}.fits"
    fits.PrimaryHDU(pixels).writeto(name, overwrite=True)
''',
}
IMPORTS = "import numpy as np\nfrom astropy.io import fits\n"


def build_script(
    title: str, files: Mapping[str, Sequence[Frame]], steps: str, more: str = "", imports: str = ""
) -> str:
    """Return a script: its title, a variable for each list of files, the functions that it calls, and its steps."""
    steps = dedent(steps).strip()
    lists = "\n".join(f"{name} = {_format_paths(frames)}" for name, frames in files.items())
    used = "\n".join(part for part in _needed_functions(more + steps) if part)
    return f'"""{title}"""\n\n{IMPORTS}{imports}\n{lists}\n\n{used}{dedent(more)}\n\n{steps}\n'


def _needed_functions(text: str) -> list[str]:
    names: set[str] = set()
    # In reverse order: a shared function calls only those defined before it.
    for name in reversed(SHARED_FUNCTIONS):
        if re.search(rf"\b{name}\b", text):
            names.add(name)
            text += SHARED_FUNCTIONS[name]
    return [part for name, part in SHARED_FUNCTIONS.items() if name in names]


def _format_paths(frames: Sequence[Frame]) -> str:
    lines = "".join(f"    {str(frame.path)!r},\n" for frame in frames)
    return f"[\n{lines}]"


def source_of(*definitions: Any) -> str:
    """Return the source text of functions and classes that use public libraries only, for a script."""
    return "".join(f"\n\n{inspect.getsource(each)}" for each in definitions)
