"""Scripts that do what an operation did, with public libraries only: the parts that they share."""

import inspect
import re
from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import Any

from operations.framework.outcome import Frame

PARTS = {
    "science": '''
def science(path, names=("SCI",)):
    """Return the pixels of the first image of that name; of the science plane, which may have none, by default."""
    with fits.open(path, memmap=False) as file:
        images = [hdu for hdu in file if hdu.is_image and hdu.data is not None and hdu.data.ndim >= 2]
        named = [hdu for hdu in images if hdu.name in names] or images[: "SCI" in names]
        return named[0].data.reshape(named[0].data.shape[-2:]) if named else None
''',
    "read": '''
def read(path):
    """Return the science plane as floats, what a mask calls bad as NaN."""
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
    """Write an image."""
    name = f"{stem}.fits" if index is None else f"{stem}-{index}.fits"
    fits.PrimaryHDU(pixels).writeto(name, overwrite=True)
''',
}
IMPORTS = "import numpy as np\nfrom astropy.io import fits\n"


def script(title: str, files: Mapping[str, Sequence[Frame]], steps: str, more: str = "", imports: str = "") -> str:
    """Return a whole script: its first sentence, the file names by variable, the functions it uses, and its steps."""
    steps = dedent(steps).strip()
    lists = "\n".join(f"{name} = {_listed(frames)}" for name, frames in files.items())
    used = "\n".join(part for part in _needed(more + steps) if part)
    return f'"""{title}"""\n\n{IMPORTS}{imports}\n{lists}\n\n{used}{dedent(more)}\n\n{steps}\n'


def _needed(text: str) -> list[str]:
    """Return the shared functions that a text calls, and those which they call, in order."""
    names: set[str] = set()
    for name in reversed(PARTS):
        if re.search(rf"\b{name}\b", text):
            names.add(name)
            text += PARTS[name]
    return [part for name, part in PARTS.items() if name in names]


def _listed(frames: Sequence[Frame]) -> str:
    lines = "".join(f"    {str(frame.path)!r},\n" for frame in frames)
    return f"[\n{lines}]"


def sources(*things: Any) -> str:
    """Return the text of functions and classes that use public libraries only, to stand in a script."""
    return "".join(f"\n\n{inspect.getsource(thing)}" for thing in things)
