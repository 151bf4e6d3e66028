"""The script of Calibration, with numpy and astropy."""

from operations.framework import script_parts
from operations.framework.outcome import RunInputs
from operations.science.scripts.stacking import CLIP, TOTAL

FUNCTIONS = '''
def exposure(path):
    """Return the exposure time in the headers of a file."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
    return next((header[key] for key in ("EXPTIME", "EXPOSURE") for header in headers if key in header), 0.0)


def master(frames):
    """Return the combination of frames."""
    stack = np.array(frames, dtype=np.result_type(*frames))
    if COMBINATION == "median":
        return np.nanmedian(stack, axis=0)
    if COMBINATION == "sigma_clipped":
        clip(stack, 3.0, 3.0, 5)
    return total(stack, [1.0] * len(stack), False)


def subtract_bias_and_dark(path):
    """Return a frame less bias and dark."""
    frame = read(path)
    if bias is not None:
        frame -= bias
    if dark is not None:
        frame -= dark * frame.dtype.type(exposure(path))
    return frame


def scaled(frame, factor):
    """Return a frame multiplied by a factor, in its own type."""
    return frame * frame.dtype.type(factor)
'''
STEPS = """
bias = dark = flat = None
if BIAS:
    bias = master([read(path) for path in BIAS])
if DARK:
    dark = master([scaled(subtract_bias_and_dark(path), 1 / exposure(path)) for path in DARK])
if FLAT:
    frames = [subtract_bias_and_dark(path) for path in FLAT]
    flat = master([scaled(frame, 1 / float(np.median(frame[np.isfinite(frame)]))) for frame in frames])
    flat = flat / np.nanmedian(flat)
    flat = np.where(flat > 0, flat, np.nan)
for index, path in enumerate(FILES):
    frame = subtract_bias_and_dark(path)
    save(frame if flat is None else frame / flat, STEM, index)
"""


def build_calibration_script(inputs: RunInputs, stem: str) -> str:
    """Return the script for these inputs."""
    names = {"FILES": "input_files", "BIAS": "bias_files", "DARK": "dark_files", "FLAT": "flat_files"}
    files = {name: inputs.frames(key) for name, key in names.items()}
    settings = f"COMBINATION, STEM = {inputs.text('combination')!r}, {stem!r}\n"
    return script_parts.build_script(
        f"Calibration of {len(files['FILES'])} frames.", files, STEPS, f"\n{settings}{CLIP}{TOTAL}{FUNCTIONS}"
    )
