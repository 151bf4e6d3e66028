"""The script of Color Image: our own pure functions, with what they import, and the steps between them."""

from operations.framework import script_parts
from operations.framework.common_inputs import compatible
from operations.framework.outcome import Frame, Given
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
BRIGHTEST, THRESHOLD = {stars.BRIGHTEST}, {stars.THRESHOLD}
MATCH_PIXELS, ROUNDS, FEWEST = {similarity.MATCH_PIXELS}, {similarity.ROUNDS}, {similarity.FEWEST}
SAMPLES, CONTRAST, GAMMA_POWER = {stretch.SAMPLES}, {stretch.CONTRAST}, 1 / 2.5
GAMMA = np.floor(256 * (np.arange(256) / 256) ** GAMMA_POWER).astype("u1")
"""
GLUE = '''

def header(path):
    """Return the header of the science plane."""
    with fits.open(path) as file:
        images = [hdu for hdu in file if hdu.is_image and len(hdu.shape) >= 2]
        return ([hdu for hdu in images if hdu.name == "SCI"] or images)[0].header


def catalog_stars(path):
    """Return the brightest places (x, y) of the table CAT, counted from 0; None when there is none."""
    with fits.open(path) as file:
        if "CAT" not in file:
            return None
        table = {name.lower(): np.array(file["CAT"].data[name], "f8") for name in file["CAT"].data.names}
    found = np.column_stack([table["x"], table["y"]]) - 1
    if "flux" in table:
        found = found[np.argsort(-table["flux"], kind="stable")]
    return found[np.isfinite(found).all(axis=1)][:BRIGHTEST]


def by_wcs(first, path):
    """Return the mapping that the WCS of both files give; None when one has none."""
    here, there = WCS(header(first)), WCS(header(path))
    if not (here.has_celestial and there.has_celestial):
        return None
    return lambda places: there.wcs_world2pix(here.all_pix2world(places, 0), 0)


def by_stars(paths, frames, catalogs_only=False):
    """Return how each frame lies on the first."""
    known = [catalog_stars(path) for path in paths]
    if not catalogs_only:
        known = [found_stars(frame) if stars is None else stars for frame, stars in zip(frames, known)]
    mappings = [None]
    for path, stars in list(zip(paths, known))[1:]:
        mapping = match(known[0], stars) if known[0] is not None and stars is not None else None
        mappings.append(mapping or (None if catalogs_only else by_wcs(paths[0], path)))
    return [None] * len(paths) if catalogs_only and None in mappings[1:] else mappings


def picture(frames, mappings, said):
    """Return the light of all channels."""
    smallest = tuple(min(frame.shape[axis] for frame in frames) for axis in (0, 1))
    height, width = frames[0].shape if any(mappings) else smallest
    light = np.zeros((height, width, 3), dtype="f4")
    for frame, mapping, (parts, black, white) in zip(frames, mappings, said):
        found = found_limits(frame)
        limits = Limits(found.black if black is None else black, found.white if white is None else white)
        if mapping is None:
            frame = centred(frame, (height, width))
        else:
            frame = sampled(frame, mapping(places(0, height, width))).reshape(height, width)
        add_channel(light, frame, limits, Color(*parts))
    return light
'''


def color_script(given: Given, stem: str) -> str:
    """Return the whole script for these inputs."""
    files = given.frames("color_channels")
    choice = "by_stars(FILES, frames, catalogs_only=True)" if compatible(given) else _alignment(given)
    steps = f"""
frames = [read(path).astype("f4") for path in FILES]
mappings = {choice}
light = picture(frames, mappings, {[_said(frame) for frame in files]})
Image.fromarray(np.ascontiguousarray(eight_bits(light))).save({f"{stem}.png"!r})
tifffile.imwrite({f"{stem}.tif"!r}, {"eight_bits" if compatible(given) else "sixteen_bits"}(light), photometric="rgb")
"""
    more = CONSTANTS + script_parts.sources(
        *(similarity.Similarity, similarity.fit, similarity.match, similarity.sampled, similarity.places),
        *(similarity.centred, stars.found_stars, stretch.Limits, stretch.found_limits, stretch.linear),
        *(color.Color, color.add_channel, color.eight_bits, color.sixteen_bits),
    )
    return script_parts.script(f"A picture of {len(files)} frames.", {"FILES": files}, steps, more + GLUE, IMPORTS)


def _alignment(given: Given) -> str:
    if len(given.frames("color_channels")) == 1 or given.text("alignment") == "none":
        return "[None] * len(FILES)"
    if given.text("alignment") == "wcs":
        return "[None] + [by_wcs(FILES[0], path) for path in FILES[1:]]"
    return "by_stars(FILES, frames)"


def _said(frame: Frame) -> tuple[tuple[int, ...], float | None, float | None]:
    said = frame.parameters
    parts = color.Color(**said.get("color", {})).parts
    return parts, said.get("zmin"), said.get("zmax")
