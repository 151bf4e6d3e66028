"""The script of Color Image: the source of the operation's pure functions, their imports, and the steps."""

from operations.framework import script_parts
from operations.framework.common_inputs import is_datalab_mode
from operations.framework.outcome import Frame, RunInputs
from operations.science.alignment import similarity, stars
from operations.science.graphics import color, stretch

IMPORTS = """from dataclasses import dataclass
from typing import Any

import astroalign
import sep
import tifffile
from astropy.wcs import WCS
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree
"""
CONSTANTS = f"""
MAX_STARS, DETECTION_SIGMA = {stars.MAX_STARS}, {stars.DETECTION_SIGMA}
MATCH_RADIUS_PIXELS = {similarity.MATCH_RADIUS_PIXELS}
FIT_ROUNDS, MIN_STARS = {similarity.FIT_ROUNDS}, {similarity.MIN_STARS}
SAMPLES, CONTRAST, GAMMA_POWER = {stretch.SAMPLES}, {stretch.CONTRAST}, 1 / 2.5
GAMMA = np.floor(256 * (np.arange(256) / 256) ** GAMMA_POWER).astype("u1")
"""
FUNCTIONS = '''

def header(path):
    """Return the header of the science plane."""
    with fits.open(path) as file:
        images = [hdu for hdu in file if hdu.is_image and len(hdu.shape) >= 2]
        return ([hdu for hdu in images if hdu.name == "SCI"] or images)[0].header


def catalog_stars(path):
    """Return the positions (x, y) of the brightest stars in the table CAT, counted from 0; None without a table."""
    with fits.open(path) as file:
        if "CAT" not in file:
            return None
        table = {name.lower(): np.array(file["CAT"].data[name], "f8") for name in file["CAT"].data.names}
    positions = np.column_stack([table["x"], table["y"]]) - 1
    if "flux" in table:
        positions = positions[np.argsort(-table["flux"], kind="stable")]
    return positions[np.isfinite(positions).all(axis=1)][:MAX_STARS]


def wcs_mapping(first, path):
    """Return the mapping between the WCS of two files; None if one has none."""
    source, target = WCS(header(first)), WCS(header(path))
    if not (source.has_celestial and target.has_celestial):
        return None
    return lambda positions: target.wcs_world2pix(source.all_pix2world(positions, 0), 0)


def align_by_stars(paths, frames, catalogs_only=False):
    """Return the mapping from the first frame to each frame."""
    all_stars = [catalog_stars(path) for path in paths]
    if not catalogs_only:
        all_stars = [detect_stars(frame) if stars is None else stars for frame, stars in zip(frames, all_stars)]
    mappings = [None]
    for path, stars in list(zip(paths, all_stars))[1:]:
        mapping = match_stars(all_stars[0], stars) if all_stars[0] is not None and stars is not None else None
        mappings.append(mapping or (None if catalogs_only else wcs_mapping(paths[0], path)))
    return [None] * len(paths) if catalogs_only and None in mappings[1:] else mappings


def add_channels(frames, mappings, channels):
    """Return the sum of all channels."""
    smallest = tuple(min(frame.shape[axis] for frame in frames) for axis in (0, 1))
    height, width = frames[0].shape if any(mappings) else smallest
    light = np.zeros((height, width, 3), dtype="f4")
    for frame, mapping, (parts, black, white) in zip(frames, mappings, channels):
        found = find_limits(frame)
        limits = StretchLimits(found.black if black is None else black, found.white if white is None else white)
        if mapping is None:
            frame = center_on_canvas(frame, (height, width))
        else:
            positions = mapping(pixel_positions(0, height, width))
            frame = sample_bilinear(frame, positions).reshape(height, width)
        add_channel(light, frame, limits, Color(*parts))
    return light
'''


def build_color_script(inputs: RunInputs, stem: str) -> str:
    """Return the script for these inputs."""
    files = inputs.frames("color_channels")
    mappings = (
        "align_by_stars(FILES, frames, catalogs_only=True)" if is_datalab_mode(inputs) else _alignment_call(inputs)
    )
    steps = f"""
frames = [read(path).astype("f4") for path in FILES]
mappings = {mappings}
light = add_channels(frames, mappings, {[_channel_settings(frame) for frame in files]})
Image.fromarray(np.ascontiguousarray(to_8_bit(light))).save({f"{stem}.png"!r})
tifffile.imwrite({f"{stem}.tif"!r}, {"to_8_bit" if is_datalab_mode(inputs) else "to_16_bit"}(light), photometric="rgb")
"""
    more = CONSTANTS + script_parts.source_of(
        *(
            similarity.Similarity,
            similarity.fit_similarity,
            similarity.match_stars,
            similarity.sample_bilinear,
            similarity.pixel_positions,
        ),
        *(
            similarity.center_on_canvas,
            stars.detect_stars,
            stretch.StretchLimits,
            stretch.find_limits,
            stretch.stretch_linear,
        ),
        *(color.Color, color.add_channel, color.to_8_bit, color.to_16_bit),
    )
    return script_parts.build_script(
        f"A picture of {len(files)} frames.", {"FILES": files}, steps, more + FUNCTIONS, IMPORTS
    )


def _alignment_call(inputs: RunInputs) -> str:
    if len(inputs.frames("color_channels")) == 1 or inputs.text("alignment") == "none":
        return "[None] * len(FILES)"
    if inputs.text("alignment") == "wcs":
        return "[None] + [wcs_mapping(FILES[0], path) for path in FILES[1:]]"
    return "align_by_stars(FILES, frames)"


def _channel_settings(frame: Frame) -> tuple[tuple[int, ...], float | None, float | None]:
    parts = color.Color(**frame.parameters.get("color", {})).parts
    return parts, frame.parameters.get("zmin"), frame.parameters.get("zmax")
