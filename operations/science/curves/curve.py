"""A light curve: the points of many frames, on one scale of magnitudes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import BadInput
from operations.framework.common_inputs import compatible
from operations.framework.context import Stage, Work
from operations.framework.errors import OperationFailed
from operations.framework.inputs import FilesInput
from operations.framework.outcome import Given
from operations.science.curves.julian_dates import JD_MINUS_MJD
from operations.science.curves.points import RADIUS_ARCSEC, Missing, Point, bjd, datalab_point, point
from operations.science.frames.images import Image, look_at


@dataclass(frozen=True)
class Curve:
    """Points in order of time, and whether their magnitudes come from fluxes because a catalogue lacks them."""

    target: Mapping[str, float]
    points: tuple[Point, ...]
    missing: tuple[Missing, ...]
    flux_fallback: bool
    filter: str | None

    def brightness(self, found: Point) -> tuple[float, float]:
        """Return the magnitude of a point and its error, on the scale of the curve."""
        return found.from_flux if self.flux_fallback else found.magnitudes


def observe(given: Given, files: FilesInput, work: Work) -> Curve:
    """Return the curve of the source at the target over all frames; BadInput when their filters do not go together."""
    frames = given.frames("input_files")
    images = look_at(frames, Stage(work, "looking", 0.0, 0.3))
    name = one_filter(images, files)
    stage = Stage(work, "measuring", 0.3, 0.8)
    target = given.values["source"]
    found = []
    for at, image in enumerate(images):
        stage.report(at / len(images), image.basename)
        found.append(datalab_point(image, target) if compatible(given) else point(image, target))
    return curve(found, target, name, datalab=compatible(given))


def curve(
    found: Sequence[Point | Missing], target: Mapping[str, float], name: str | None, *, datalab: bool = False
) -> Curve:
    """Return the curve of what the frames say.

    All magnitudes are of one kind: where one frame has none, all are taken from fluxes; what has neither is missing.
    For datalab, a frame without a magnitude is missing. OperationFailed when no frame gives a point.
    """
    points = [each for each in found if isinstance(each, Point)]
    missing = [each for each in found if isinstance(each, Missing)]
    fallback = not datalab and any(not np.isfinite(each.magnitudes[0]) for each in points)
    kept = [each for each in points if np.isfinite((each.from_flux if fallback else each.magnitudes)[0])]
    reason = "The source has neither a magnitude nor a flux above zero."
    missing += [Missing(each.basename, reason) for each in points if each not in kept]
    if not kept:
        at = f"({target['ra']:g}, {target['dec']:g})"
        first = f" {missing[0].basename}: {missing[0].reason}" if missing else ""
        raise OperationFailed(f"No frame shows a source within {RADIUS_ARCSEC:g} arcsec of {at}.{first}")
    kept = kept if datalab else sorted(kept, key=lambda each: each.mjd)
    return Curve(target, tuple(kept), tuple(missing), fallback, name)


def one_filter(images: Sequence[Image], files: FilesInput) -> str | None:
    """Return the filter of all frames: as the caller said of each, else as its header says."""
    names = {image.basename: image.frame.parameters.get("filter") or image.facts.filter for image in images}
    for basename, name in names.items():
        if name is None:
            raise BadInput(f"{files.name}: {basename} names no filter; give it as filter.", path=("input_files",))
    files.check_filters(names, ("input_files",))
    return next(iter(names.values()), None)


def described(found: Curve, *, datalab: bool = False) -> dict[str, Any]:
    """Return the curve as its reader gets it; for datalab with its keys only."""
    about = {
        "target_coords": dict(found.target),
        "light_curve": [_row(found, each, datalab) for each in found.points],
        "flux_fallback": found.flux_fallback,
        "excluded_images": [each.basename for each in found.missing],
        "source": dict(found.target),
        "filter": found.filter,
    }
    if datalab:
        return about
    return about | {"excluded_reasons": {each.basename: each.reason for each in found.missing}}


def _row(found: Curve, each: Point, datalab: bool) -> dict[str, Any]:
    mag, error = found.brightness(each)
    row = {
        "mag": mag,
        "magerr": error,
        "julian_date": each.mjd + JD_MINUS_MJD,
        "observation_date": each.date,
    }
    if datalab:
        return row
    return row | {"bjd_tdb": bjd(each, found.target), "basename": each.basename, "separation": each.separation}
