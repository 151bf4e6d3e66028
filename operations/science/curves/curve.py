"""Light curves: the points of many frames, on one magnitude scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import BadInput
from operations.framework.common_inputs import is_datalab_mode
from operations.framework.context import OperationContext, SubProgress
from operations.framework.errors import OperationFailed
from operations.framework.inputs import FilesInput
from operations.framework.outcome import RunInputs
from operations.science.curves.julian_dates import JD_MINUS_MJD
from operations.science.curves.points import (
    RADIUS_ARCSEC,
    MissingPoint,
    Point,
    barycentric_date,
    read_datalab_point,
    read_point,
)
from operations.science.frames.images import Image, open_images


@dataclass(frozen=True)
class Curve:
    """The points in order of time; with `flux_fallback` all magnitudes come from fluxes, as a catalogue lacks them."""

    target: Mapping[str, float]
    points: tuple[Point, ...]
    missing: tuple[MissingPoint, ...]
    flux_fallback: bool
    filter: str | None

    def brightness(self, found: Point) -> tuple[float, float]:
        """Return the magnitude and error of a point, on the scale of the curve."""
        return found.flux_magnitudes if self.flux_fallback else found.magnitudes


def measure_curve(inputs: RunInputs, files: FilesInput, context: OperationContext) -> Curve:
    """Return the light curve of the source at the target over all frames; BadInput if a filter is not accepted."""
    frames = inputs.frames("input_files")
    images = open_images(frames, SubProgress(context, "opening", 0.0, 0.3))
    name = common_filter(images, files)
    progress = SubProgress(context, "measuring", 0.3, 0.8)
    target = inputs.values["source"]
    found = []
    for at, image in enumerate(images):
        progress.report(at / len(images), image.basename)
        found.append(read_datalab_point(image, target) if is_datalab_mode(inputs) else read_point(image, target))
    return build_curve(found, target, name, datalab=is_datalab_mode(inputs))


def build_curve(
    found: Sequence[Point | MissingPoint], target: Mapping[str, float], name: str | None, *, datalab: bool = False
) -> Curve:
    """Return the light curve of the points.

    All magnitudes are of one kind: if a frame has none, all are computed from fluxes. A frame with neither is missing.
    In the mode datalab, a frame without a magnitude is missing. OperationFailed if no frame gives a point.
    """
    points = [each for each in found if isinstance(each, Point)]
    missing = [each for each in found if isinstance(each, MissingPoint)]
    fallback = not datalab and any(not np.isfinite(each.magnitudes[0]) for each in points)
    usable = [each for each in points if np.isfinite((each.flux_magnitudes if fallback else each.magnitudes)[0])]
    reason = "The source has neither a magnitude nor a flux above zero."
    missing += [MissingPoint(each.basename, reason) for each in points if each not in usable]
    if not usable:
        at = f"({target['ra']:g}, {target['dec']:g})"
        first = f" {missing[0].basename}: {missing[0].reason}" if missing else ""
        raise OperationFailed(f"No frame has a source within {RADIUS_ARCSEC:g} arcsec of {at}.{first}")
    usable = usable if datalab else sorted(usable, key=lambda each: each.mjd)
    return Curve(target, tuple(usable), tuple(missing), fallback, name)


def common_filter(images: Sequence[Image], files: FilesInput) -> str | None:
    """Return the filter of all frames: the caller's for each file, else the one in its header."""
    names = {image.basename: image.frame.parameters.get("filter") or image.metadata.filter for image in images}
    for basename, name in names.items():
        if name is None:
            raise BadInput(f"{files.name}: {basename} has no filter. Set filter in the file.", path=("input_files",))
    files.check_filters(names, ("input_files",))
    return next(iter(names.values()), None)


def curve_to_dict(found: Curve, *, datalab: bool = False) -> dict[str, Any]:
    """Return the curve as it is written to the result; in the mode datalab with the Datalab's keys only."""
    result = {
        "target_coords": dict(found.target),
        "light_curve": [_row(found, each, datalab) for each in found.points],
        "flux_fallback": found.flux_fallback,
        "excluded_images": [each.basename for each in found.missing],
        "source": dict(found.target),
        "filter": found.filter,
    }
    if datalab:
        return result
    return result | {"excluded_reasons": {each.basename: each.reason for each in found.missing}}


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
    return row | {
        "bjd_tdb": barycentric_date(each, found.target),
        "basename": each.basename,
        "separation": each.separation,
    }
