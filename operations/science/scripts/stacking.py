"""The script of Stacking: the same steps with numpy, astropy and reproject."""

from operations.framework import script_parts
from operations.framework.common_inputs import compatible
from operations.framework.outcome import Given
from operations.science.combination.levels import SAMPLE
from operations.science.combination.rules import MAD_TO_SIGMA
from operations.science.combination.stack_settings import Combination

MATCH = f'''
def level(frame):
    """Return the median of a frame, and its spread about it."""
    step = max(1, math.isqrt(frame.size // {SAMPLE}))
    sample = frame[::step, ::step]
    sample = sample[np.isfinite(sample)]
    middle = float(np.median(sample))
    return middle, float(np.median(np.abs(sample.astype("f8") - middle))) * {MAD_TO_SIGMA}


def exposure(path):
    """Return the exposure that a file tells."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
    return next(header[key] for key in ("EXPTIME", "EXPOSURE") for header in headers if key in header)


def match(frames, scale, zero, weights):
    """Return the frames scaled and shifted to each other, and their weights."""
    middles, sigmas = zip(*map(level, frames))
    times = [exposure(path) for path in FILES] if "exposure" in (scale, weights) else [1] * len(frames)
    aims = {{"none": [1.0] * len(frames), "exposure": times, "level": middles}}[scale]
    scales = [math.fsum(aims) / len(aims) / aim for aim in aims]
    mean = math.fsum(map(operator.mul, middles, scales)) / len(frames)
    for frame, middle, factor in zip(frames, middles, scales):
        frame -= frame.dtype.type(middle - mean / factor if zero == "level" else 0)
        frame *= frame.dtype.type(factor)
    by = {{"noise": [1 / (sigma * factor) ** 2 for sigma, factor in zip(sigmas, scales)], "exposure": times}}
    return by.get(weights, [1.0] * len(frames))
'''
CLIP = f'''
def clip(stack, low, high, rounds):
    """Turn what lies too far from the median into NaN, again until nothing does."""
    for _ in range(rounds):
        away = stack - np.nanmedian(stack, axis=0)
        sigma = np.nanmedian(np.abs(away), axis=0) * stack.dtype.type({MAD_TO_SIGMA})
        few = np.isfinite(stack).sum(axis=0) < 3
        out = ~((away >= -low * sigma) & (away <= high * sigma) | few) & ~np.isnan(stack)
        if not out.any():
            break
        stack[out] = np.nan
'''
TOTAL = '''
def total(stack, weights, summed):
    """Return the weighted mean of what is not NaN in float64, or the sum at the level of all frames."""
    value, weight = np.zeros(stack.shape[1:]), np.zeros(stack.shape[1:])
    for layer, share in zip(stack, weights):
        value += np.where(np.isnan(layer), 0, layer) * np.float64(share)
        weight += ~np.isnan(layer) * share
    if summed:
        whole = sum(weights)
        return np.where(weight == whole, value, value / weight * whole).astype(stack.dtype)
    return (value / weight).astype(stack.dtype)
'''
PROJECT = '''
def project(frames, crop):
    """Return the frames on the grid that holds all of them, cut to the rectangle that all cover."""
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


def rectangle(seen):
    """Return the bounding box of what is seen, shrunk at each side by turns until its edges are."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    before = None
    while before != (top, bottom, left, right):
        before = top, bottom, left, right
        top += not seen[top, left:right].all()
        bottom -= not seen[bottom - 1, left:right].all()
        left += not seen[top:bottom, left].all()
        right -= not seen[top:bottom, right - 1].all()
    return top, bottom, left, right
'''
IMPORTS = "import math\nimport operator\n"
PROJECT_IMPORTS = (
    "from astropy.wcs import WCS\nfrom reproject import reproject_adaptive\n"
    "from reproject.mosaicking import find_optimal_celestial_wcs\n"
)


def stacking_steps(given: Given, stem: str) -> str:
    """Return the whole script for these inputs."""
    projecting = given.text("stacking_mode") == "reproject"
    read = "science" if compatible(given) else "read"
    lines = [f"frames = [{read}(path) for path in FILES]"]
    if projecting and compatible(given):
        lines.append('frames = [frame.astype("f8") for frame in frames]')
    crop = given.text("coverage", "common") == "common"
    lines.append(f"frames = project(frames, {crop})" if projecting else "frames = common(*frames)")
    more = (PROJECT if projecting else "") + ("" if compatible(given) else MATCH)
    combining, functions = _combining(given)
    files = given.frames("input_files")
    return script_parts.script(
        f"A stack of {len(files)} frames.",
        {"FILES": files},
        "\n".join([*lines, *combining, f"save(result, {stem!r})"]),
        more + functions,
        IMPORTS + (PROJECT_IMPORTS if projecting else ""),
    )


def _combining(given: Given) -> tuple[list[str], str]:
    if compatible(given):
        return ["result = np.nansum(np.array(frames), axis=0)"], ""
    scale, zero, weights = (given.text(key, "none") for key in ("scale", "zero", "weights"))
    how = given.text("combination", Combination.SUM)
    lines = ['kind = "f8" if any(frame.dtype == "f8" for frame in frames) else "f4"']
    lines.append("stack = np.array(frames, dtype=kind)")
    lines.append(f"weights = match(stack, {scale!r}, {zero!r}, {weights!r})")
    if how == Combination.MEDIAN:
        return [*lines, "result = np.nanmedian(stack, axis=0)"], ""
    if how != Combination.SIGMA_CLIPPED:
        return [*lines, f"result = total(stack, weights, {how == Combination.SUM})"], TOTAL
    low, high, rounds = given.number("sigma_low"), given.number("sigma_high"), int(given.number("rounds"))
    lines.append(f"clip(stack, {low}, {high}, {rounds})")
    return [*lines, "result = total(stack, weights, False)"], CLIP + TOTAL
