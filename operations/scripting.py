"""Scripts that do what an operation did, with public libraries only: the parts that they share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

from operations.outcome import Frame

READ = '''
def read(path, masks=True):
    """Return the science plane as floats; with masks, what one calls bad as NaN."""
    with fits.open(path, memmap=False) as file:
        images = [hdu for hdu in file if hdu.is_image and hdu.data is not None and hdu.data.ndim >= 2]
        science = ([hdu for hdu in images if hdu.name == "SCI"] or images)[0]
        pixels = science.data.reshape(science.data.shape[-2:])
        narrow = pixels.dtype == np.float32 or np.can_cast(pixels.dtype, np.float32)
        pixels = pixels.astype("f4" if narrow else "f8")
        found = [hdu for hdu in images if hdu.name in ("BPM", "MASK", "DQ") and hdu is not science]
        for mask in found[:masks]:
            pixels[mask.data.reshape(pixels.shape) != 0] = np.nan
    return pixels


def stacked(paths, masks=True):
    """Return all frames one above the other, cut to their common lower left corner."""
    frames = [read(path, masks) for path in paths]
    height, width = (min(frame.shape[axis] for frame in frames) for axis in (0, 1))
    kind = np.result_type(*[frame.dtype for frame in frames])
    return np.array([frame[:height, :width] for frame in frames], dtype=kind)
'''
IMPORTS = "import numpy as np\nfrom astropy.io import fits\n"


def script(title: str, files: Mapping[str, Sequence[Frame]], steps: str, more: str = "", imports: str = "") -> str:
    """Return a whole script: its first sentence, the file names by variable, the functions it uses, and its steps."""
    lists = "\n".join(f"{name} = {_listed(frames)}" for name, frames in files.items())
    return f'"""{title}"""\n\n{imports}{IMPORTS}\n{lists}\n\n{READ}{dedent(more)}\n\n{dedent(steps).strip()}\n'


def _listed(frames: Sequence[Frame]) -> str:
    lines = "".join(f"    {str(Path(frame.path))!r},\n" for frame in frames)
    return f"[\n{lines}]"
