"""The header of a combined image: the first frame's, with all that the combination changed made right."""

import math
import operator
import statistics
from collections.abc import Sequence

from astropy.io import fits
from astropy.time import Time

from operations.science.combination.stack_settings import Combination, Recipe
from operations.science.frames.images import SECONDS_PER_DAY, Facts, Image, header_of

TIMES = (
    "DATE-OBS",
    "DATE-BEG",
    "DATE-AVG",
    "DATE-END",
    "MJD-OBS",
    "MJD-BEG",
    "MJD-AVG",
    "MJD-END",
    "UTSTART",
    "UTSTOP",
)
MEDIAN_EFFICIENCY = 2 / math.pi
"""The variance of the mean over that of the median, for many normal values."""


def combined_header(images: Sequence[Image], recipe: Recipe) -> fits.Header:
    """Return the header of many images combined pixel by pixel in their lower left corner, whose WCS that keeps."""
    header = header_of(images[0])
    facts = [image.facts for image in images]
    header["NCOMBINE"] = (len(images), "frames combined")
    header["COMBINE"] = (str(recipe.combination), "how they were combined")
    set_exposure(header, facts, recipe)
    set_detector(header, facts, recipe)
    set_times(header, facts)
    return header


def set_exposure(header: fits.Header, facts: Sequence[Facts], recipe: Recipe) -> None:
    """Set EXPTIME to the exposure to which the level of the pixels belongs, and TOTEXP to all of it."""
    exposures = [fact.exposure for fact in facts if fact.exposure is not None]
    if len(exposures) < len(facts):
        header.remove("EXPTIME", ignore_missing=True)
        return
    total = math.fsum(exposures)
    scaled = [share.scale * exposure for share, exposure in zip(recipe.shares, exposures, strict=True)]
    weights = [share.weight for share in recipe.shares]
    level = math.fsum(map(operator.mul, weights, scaled)) / math.fsum(weights)
    if recipe.combination is Combination.SUM:
        level = math.fsum(scaled)
    if recipe.combination is Combination.MEDIAN:
        level = statistics.median(scaled)
    header["EXPTIME"] = (level, "[s] exposure of the level of the pixels")
    header["TOTEXP"] = (total, "[s] exposure of all frames together")


def set_detector(header: fits.Header, facts: Sequence[Facts], recipe: Recipe) -> None:
    """Set GAIN, RDNOISE and SATURATE so that they tell the noise and the limit of the combined pixels.

    A mean of n frames has n times the electrons per count, a median 2/pi of that; both keep the limit of one frame.
    Where gains differ, or frames were scaled or weighted, there is no such number and no card.
    """
    combination = recipe.combination
    scaled = not all(share.untouched and share.weight == 1 for share in recipe.shares)
    count = len(facts)
    gains = {fact.gain for fact in facts}
    noises = [fact.read_noise for fact in facts]
    limits = [fact.saturation for fact in facts if fact.saturation is not None]
    for name in ("GAIN", "EGAIN", "RDNOISE", "READNOIS", "READNOISE", "SATURATE"):
        header.remove(name, ignore_missing=True)
    gain = gains.pop() if len(gains) == 1 and not scaled else None
    electrons = _electrons(combination, count)
    if gain is not None:
        header["GAIN"] = (gain * electrons, "[electron/count] of the combined pixels")
    known = [noise for noise in noises if noise is not None]
    if gain is not None and len(known) == count:
        quadratic = math.sqrt(math.fsum(noise * noise for noise in known))
        header["RDNOISE"] = (quadratic * _noise(combination, count), "[electron] of the combined pixels")
    if len(limits) == count and not scaled:
        header["SATURATE"] = (min(limits) * (count if combination is Combination.SUM else 1), "[count] lowest limit")


def set_times(header: fits.Header, facts: Sequence[Facts]) -> None:
    """Set DATE-OBS to the first start, DATE-AVG to the mean of the middles by exposure, DATE-END to the last end."""
    starts = [(fact.start, fact.exposure or 0.0) for fact in facts if fact.start is not None]
    for name in TIMES:
        header.remove(name, ignore_missing=True)
    if not starts:
        return
    seconds = math.fsum(exposure for _, exposure in starts)
    shares = [exposure / seconds if seconds else 1 / len(starts) for _, exposure in starts]
    first = min(start for start, _ in starts)
    middles = [start + exposure / 2 / SECONDS_PER_DAY - first for start, exposure in starts]
    average = first + math.fsum(share * middle for share, middle in zip(shares, middles, strict=True))
    end = max(start + exposure / SECONDS_PER_DAY for start, exposure in starts)
    for suffix, day, said in (("OBS", first, "first start"), ("AVG", average, "mean middle"), ("END", end, "last end")):
        header[f"DATE-{suffix}"] = (Time(day, format="mjd", scale="utc").isot, f"{said} of the exposures, UTC")
        header[f"MJD-{suffix}"] = (day, f"[d] {said} of the exposures, UTC")


def _electrons(combination: Combination, count: int) -> float:
    """Return how many times the electrons of one frame stand behind a count."""
    if combination is Combination.SUM:
        return 1.0
    return count * (MEDIAN_EFFICIENCY if combination is Combination.MEDIAN and count > 2 else 1.0)


def _noise(combination: Combination, count: int) -> float:
    """Return the factor of the quadratic sum of read noises: it counts electrons of all frames."""
    return math.sqrt(MEDIAN_EFFICIENCY) if combination is Combination.MEDIAN and count > 2 else 1.0


def rescale(header: fits.Header, facts: Facts, factor: float, *, less: float = 0.0) -> None:
    """Set GAIN and SATURATE of an image whose counts, less a level, were multiplied; read noise is in electrons."""
    for name in ("GAIN", "EGAIN", "SATURATE"):
        header.remove(name, ignore_missing=True)
    if facts.gain is not None:
        header["GAIN"] = (facts.gain / factor, "[electron/count]")
    if facts.saturation is not None:
        header["SATURATE"] = ((facts.saturation - less) * factor, "[count] lowest limit")


def subtract_noise(header: fits.Header, facts: Facts, taken: Facts) -> None:
    """Set RDNOISE of a difference of two frames; without a common gain there is no such number."""
    for name in ("RDNOISE", "READNOIS", "READNOISE"):
        header.remove(name, ignore_missing=True)
    if facts.gain == taken.gain and facts.read_noise is not None and taken.read_noise is not None:
        header["RDNOISE"] = (math.hypot(facts.read_noise, taken.read_noise), "[electron] of the difference")
