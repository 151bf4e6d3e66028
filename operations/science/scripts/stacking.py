"""The script of Stacking, with numpy, astropy and reproject."""

from operations.framework import script_parts
from operations.framework.common_inputs import is_datalab_mode
from operations.framework.outcome import RunInputs
from operations.science.combination.levels import MAX_SAMPLE_PIXELS
from operations.science.combination.rules import MAD_TO_SIGMA
from operations.science.combination.stack_settings import Combination

MATCH = f'''
def level(frame):
    """Return the median of a frame, and the standard deviation about it."""
    step = max(1, math.isqrt(frame.size // {MAX_SAMPLE_PIXELS}))
    sample = frame[::step, ::step]
    sample = sample[np.isfinite(sample)]
    median = float(np.median(sample))
    return median, float(np.median(np.abs(sample.astype("f8") - median))) * {MAD_TO_SIGMA}


def exposure(path):
    """Return the exposure time in the headers of a file."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
    return next(header[key] for key in ("EXPTIME", "EXPOSURE") for header in headers if key in header)


def match(frames, scale, zero, weights):
    """Scale and shift the frames to each other in place, and return their weights."""
    medians, sigmas = zip(*map(level, frames))
    times = [exposure(path) for path in FILES] if "exposure" in (scale, weights) else [1] * len(frames)
    values = {{"none": [1.0] * len(frames), "exposure": times, "level": medians}}[scale]
    scales = [math.fsum(values) / len(values) / value for value in values]
    mean = math.fsum(map(operator.mul, medians, scales)) / len(frames)
    for frame, median, factor in zip(frames, medians, scales):
        frame -= frame.dtype.type(median - mean / factor if zero == "level" else 0)
        frame *= frame.dtype.type(factor)
    choices = {{"noise": [1 / (sigma * factor) ** 2 for sigma, factor in zip(sigmas, scales)], "exposure": times}}
    return choices.get(weights, [1.0] * len(frames))
'''
CLIP = f'''
def clip(stack, low, high, rounds):
    """Set values too far from the median to NaN, repeatedly until nothing changes."""
    for _ in range(rounds):
        deviation = stack - np.nanmedian(stack, axis=0)
        sigma = np.nanmedian(np.abs(deviation), axis=0) * stack.dtype.type({MAD_TO_SIGMA})
        few = np.isfinite(stack).sum(axis=0) < 3
        clipped = ~((deviation >= -low * sigma) & (deviation <= high * sigma) | few) & ~np.isnan(stack)
        if not clipped.any():
            break
        stack[clipped] = np.nan
'''
TOTAL = '''
def total(stack, weights, summed):
    """Return the weighted mean of the values that are not NaN, or their sum scaled to all frames; summed in float64."""
    value, weight = np.zeros(stack.shape[1:]), np.zeros(stack.shape[1:])
    for layer, factor in zip(stack, weights):
        value += np.where(np.isnan(layer), 0, layer) * np.float64(factor)
        weight += ~np.isnan(layer) * factor
    if summed:
        all_weights = sum(weights)
        return np.where(weight == all_weights, value, value / weight * all_weights).astype(stack.dtype)
    return (value / weight).astype(stack.dtype)
'''
PROJECT = '''
def project(frames, crop):
    """Return the frames on the grid that covers all of them, cropped to the rectangle that all cover."""
    wcs = [WCS(header(path)) for path in FILES]
    grid, shape = find_optimal_celestial_wcs([(frame.shape, each) for frame, each in zip(frames, wcs)])
    layers, parts = [], [(0, shape[0], 0, shape[1])]
    for frame, each in zip(frames, wcs):
        pixels, footprint = reproject_adaptive((frame.astype("f8"), each), grid, shape_out=shape, conserve_flux=True)
        layers.append(pixels.astype(frame.dtype))
        parts.append(rectangle(footprint != 0) if crop else parts[0])
    top, bottom, left, right = (pick(sides) for pick, sides in zip((max, min, max, min), zip(*parts)))
    return [layer[top:bottom, left:right] for layer in layers]


def header(path):
    """Return the header of the science plane."""
    with fits.open(path) as file:
        images = [hdu for hdu in file if hdu.is_image and len(hdu.shape) >= 2]
        return ([hdu for hdu in images if hdu.name == "SCI"] or images)[0].header


def rectangle(footprint):
    """Return the bounding box of the footprint, shrunk at each side in turn until its edges are covered."""
    rows, columns = np.flatnonzero(footprint.any(axis=1)), np.flatnonzero(footprint.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    before = None
    while before != (top, bottom, left, right):
        before = top, bottom, left, right
        top += not footprint[top, left:right].all()
        bottom -= not footprint[bottom - 1, left:right].all()
        left += not footprint[top:bottom, left].all()
        right -= not footprint[top:bottom, right - 1].all()
    return top, bottom, left, right
'''
IMPORTS = "import math\nimport operator\n"
PROJECT_IMPORTS = (
    "from astropy.wcs import WCS\nfrom reproject import reproject_adaptive\n"
    "from reproject.mosaicking import find_optimal_celestial_wcs\n"
)


def build_stacking_script(inputs: RunInputs, stem: str) -> str:
    """Return the script for these inputs."""
    is_projected = inputs.text("stacking_mode") == "reproject"
    read = "science" if is_datalab_mode(inputs) else "read"
    lines = [f"frames = [{read}(path) for path in FILES]"]
    if is_projected and is_datalab_mode(inputs):
        lines.append('frames = [frame.astype("f8") for frame in frames]')
    crop = inputs.text("coverage", "common") == "common"
    lines.append(f"frames = project(frames, {crop})" if is_projected else "frames = common(*frames)")
    more = (PROJECT if is_projected else "") + ("" if is_datalab_mode(inputs) else MATCH)
    combination, functions = _combination_steps(inputs)
    files = inputs.frames("input_files")
    return script_parts.build_script(
        f"A stack of {len(files)} frames.",
        {"FILES": files},
        "\n".join([*lines, *combination, f"save(result, {stem!r})"]),
        more + functions,
        IMPORTS + (PROJECT_IMPORTS if is_projected else ""),
    )


def _combination_steps(inputs: RunInputs) -> tuple[list[str], str]:
    if is_datalab_mode(inputs):
        return ["result = np.nansum(np.array(frames), axis=0)"], ""
    scale, zero, weights = (inputs.text(key, "none") for key in ("scale", "zero", "weights"))
    combination = inputs.text("combination", Combination.SUM)
    lines = ['kind = "f8" if any(frame.dtype == "f8" for frame in frames) else "f4"']
    lines.append("stack = np.array(frames, dtype=kind)")
    lines.append(f"weights = match(stack, {scale!r}, {zero!r}, {weights!r})")
    if combination == Combination.MEDIAN:
        return [*lines, "result = np.nanmedian(stack, axis=0)"], ""
    if combination != Combination.SIGMA_CLIPPED:
        return [*lines, f"result = total(stack, weights, {combination == Combination.SUM})"], TOTAL
    low, high, rounds = inputs.number("sigma_low"), inputs.number("sigma_high"), int(inputs.number("rounds"))
    lines.append(f"clip(stack, {low}, {high}, {rounds})")
    return [*lines, "result = total(stack, weights, False)"], CLIP + TOTAL
