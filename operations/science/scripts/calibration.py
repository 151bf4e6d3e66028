"""The script of Calibration: the same steps with numpy and astropy."""

from operations.framework import script_parts
from operations.framework.outcome import Given
from operations.science.scripts.stacking import CLIP, TOTAL

FUNCTIONS = '''
def exposure(path):
    """Return the exposure that a file tells."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
    return next((header[key] for key in ("EXPTIME", "EXPOSURE") for header in headers if key in header), 0.0)


def master(frames):
    """Return frames as one."""
    stack = np.array(frames, dtype=np.result_type(*frames))
    if HOW == "median":
        return np.nanmedian(stack, axis=0)
    if HOW == "sigma_clipped":
        clip(stack, 3.0, 3.0, 5)
    return total(stack, [1.0] * len(stack), False)


def cleared(path):
    """Return a frame less bias and dark."""
    frame = read(path)
    if bias is not None:
        frame -= bias
    if dark is not None:
        frame -= dark * frame.dtype.type(exposure(path))
    return frame


def scaled(frame, factor):
    """Return a frame times a factor, in its own type."""
    return frame * frame.dtype.type(factor)
'''
STEPS = """
bias = dark = flat = None
if BIAS:
    bias = master([read(path) for path in BIAS])
if DARK:
    dark = master([scaled(cleared(path), 1 / exposure(path)) for path in DARK])
if FLAT:
    frames = [cleared(path) for path in FLAT]
    flat = master([scaled(frame, 1 / float(np.median(frame[np.isfinite(frame)]))) for frame in frames])
    flat = flat / np.nanmedian(flat)
    flat = np.where(flat > 0, flat, np.nan)
for index, path in enumerate(FILES):
    save(cleared(path) if flat is None else cleared(path) / flat, STEM, index)
"""


def calibration_script(given: Given, stem: str) -> str:
    """Return the whole script for these inputs."""
    names = {"FILES": "input_files", "BIAS": "bias_files", "DARK": "dark_files", "FLAT": "flat_files"}
    files = {name: given.frames(key) for name, key in names.items()}
    about = f"HOW, STEM = {given.text('combination')!r}, {stem!r}\n"
    return script_parts.script(
        f"Calibration of {len(files['FILES'])} frames.", files, STEPS, f"\n{about}{CLIP}{TOTAL}{FUNCTIONS}"
    )
