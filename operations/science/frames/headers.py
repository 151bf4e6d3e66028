"""Headers of combined images: that of the first frame, with exposure, detector and time cards corrected."""

import math
import operator
import statistics
from collections.abc import Sequence

from astropy.io import fits
from astropy.time import Time

from operations.science.combination.stack_settings import Combination, StackSettings
from operations.science.frames.images import SECONDS_PER_DAY, ExposureMetadata, Image, read_header

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


def combined_header(images: Sequence[Image], settings: StackSettings) -> fits.Header:
    """Return the header of images combined pixel by pixel from their lower left corner, with the WCS of the first."""
    header = read_header(images[0])
    facts = [image.metadata for image in images]
    header["NCOMBINE"] = (len(images), "frames combined")
    header["COMBINE"] = (str(settings.combination), "how they were combined")
    set_exposure(header, facts, settings)
    set_detector(header, facts, settings)
    set_times(header, facts)
    return header


def set_exposure(header: fits.Header, facts: Sequence[ExposureMetadata], settings: StackSettings) -> None:
    """Set EXPTIME to the exposure that corresponds to the level of the pixels, and TOTEXP to the total exposure."""
    exposures = [fact.exposure for fact in facts if fact.exposure is not None]
    if len(exposures) < len(facts):
        header.remove("EXPTIME", ignore_missing=True)
        return
    total = math.fsum(exposures)
    scaled = [scaling.scale * exposure for scaling, exposure in zip(settings.scalings, exposures, strict=True)]
    weights = [scaling.weight for scaling in settings.scalings]
    level = math.fsum(map(operator.mul, weights, scaled)) / math.fsum(weights)
    if settings.combination is Combination.SUM:
        level = math.fsum(scaled)
    if settings.combination is Combination.MEDIAN:
        level = statistics.median(scaled)
    header["EXPTIME"] = (level, "[s] exposure of the level of the pixels")
    header["TOTEXP"] = (total, "[s] exposure of all frames together")


def set_detector(header: fits.Header, facts: Sequence[ExposureMetadata], settings: StackSettings) -> None:
    """Set GAIN, RDNOISE and SATURATE to the values of the combined pixels.

    A mean of n frames has n times the electrons per count, a median 2/pi of that; both have the limit of one frame. If
    gains differ, or frames were scaled or weighted, there is no single value and the cards are removed.
    """
    combination = settings.combination
    scaled = not all(scaling.is_identity and scaling.weight == 1 for scaling in settings.scalings)
    count = len(facts)
    gains = {fact.gain for fact in facts}
    noises = [fact.read_noise for fact in facts]
    limits = [fact.saturation for fact in facts if fact.saturation is not None]
    for name in ("GAIN", "EGAIN", "RDNOISE", "READNOIS", "READNOISE", "SATURATE"):
        header.remove(name, ignore_missing=True)
    gain = gains.pop() if len(gains) == 1 and not scaled else None
    electrons = _electrons_factor(combination, count)
    if gain is not None:
        header["GAIN"] = (gain * electrons, "[electron/count] of the combined pixels")
    read_noises = [noise for noise in noises if noise is not None]
    if gain is not None and len(read_noises) == count:
        quadratic = math.sqrt(math.fsum(noise * noise for noise in read_noises))
        header["RDNOISE"] = (quadratic * _read_noise_factor(combination, count), "[electron] of the combined pixels")
    if len(limits) == count and not scaled:
        header["SATURATE"] = (min(limits) * (count if combination is Combination.SUM else 1), "[count] lowest limit")


def set_times(header: fits.Header, facts: Sequence[ExposureMetadata]) -> None:
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
    average = first + math.fsum(scaling * middle for scaling, middle in zip(shares, middles, strict=True))
    end = max(start + exposure / SECONDS_PER_DAY for start, exposure in starts)
    for suffix, day, label in (
        ("OBS", first, "first start"),
        ("AVG", average, "mean middle"),
        ("END", end, "last end"),
    ):
        header[f"DATE-{suffix}"] = (Time(day, format="mjd", scale="utc").isot, f"{label} of the exposures, UTC")
        header[f"MJD-{suffix}"] = (day, f"[d] {label} of the exposures, UTC")


def _electrons_factor(combination: Combination, count: int) -> float:
    """Return the electrons per count, relative to one frame."""
    if combination is Combination.SUM:
        return 1.0
    return count * (MEDIAN_EFFICIENCY if combination is Combination.MEDIAN and count > 2 else 1.0)


def _read_noise_factor(combination: Combination, count: int) -> float:
    """Return the factor on the quadratic sum of the read noises, which are in electrons of all frames."""
    return math.sqrt(MEDIAN_EFFICIENCY) if combination is Combination.MEDIAN and count > 2 else 1.0


def rescale_header(header: fits.Header, facts: ExposureMetadata, factor: float, *, offset: float = 0.0) -> None:
    """Set GAIN and SATURATE of an image whose counts were shifted by -`offset` and multiplied by `factor`.

    The read noise is in electrons and does not change.
    """
    for name in ("GAIN", "EGAIN", "SATURATE"):
        header.remove(name, ignore_missing=True)
    if facts.gain is not None:
        header["GAIN"] = (facts.gain / factor, "[electron/count]")
    if facts.saturation is not None:
        header["SATURATE"] = ((facts.saturation - offset) * factor, "[count] lowest limit")


def set_difference_noise(header: fits.Header, facts: ExposureMetadata, taken: ExposureMetadata) -> None:
    """Set RDNOISE of a difference of two frames; without a common gain the card is removed."""
    for name in ("RDNOISE", "READNOIS", "READNOISE"):
        header.remove(name, ignore_missing=True)
    if facts.gain == taken.gain and facts.read_noise is not None and taken.read_noise is not None:
        header["RDNOISE"] = (math.hypot(facts.read_noise, taken.read_noise), "[electron] of the difference")
