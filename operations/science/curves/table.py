"""Writes a light curve as strict JSON and as charts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from operations.framework.outcome import OperationOutcome, Output, OutputKind, to_strict_json
from operations.framework.output_files import STEM
from operations.science.curves.curve import Curve
from operations.science.graphics.chart import draw_chart
from operations.science.graphics.image_files import JPEG_QUALITY, save_previews


def write_table(data: dict[str, Any], picture: NDArray[np.uint8], folder: Path, *more: Output) -> OperationOutcome:
    """Write the table and a picture of it into the folder; return the outcome with these files and `more`."""
    path = folder / f"{STEM}.json"
    strict = to_strict_json(data)
    path.write_text(json.dumps(strict, allow_nan=False))
    return OperationOutcome(
        (Output(path, OutputKind.TABLE), *save_previews(picture, folder, STEM, None), *more), strict
    )


def draw_curve(found: Curve) -> NDArray[np.uint8]:
    """Return a chart of a light curve."""
    first = int(found.points[0].mjd)
    days = [each.mjd - first for each in found.points]
    brightness = [found.brightness(each) for each in found.points]
    labels = (f"days after MJD {first}", f"magnitude{' from flux' if found.flux_fallback else ''}, {found.filter}")
    return draw_chart(days, [mag for mag, _ in brightness], [error for _, error in brightness], labels)


def write_phase_chart(found: Curve, period: float, folder: Path) -> Output:
    """Write a chart of two periods of the phase-folded light curve, and return its output."""
    phases = [each.mjd / period % 1 for each in found.points]
    brightness = [found.brightness(each) for each in found.points] * 2
    labels = (f"phase, period {period:.6f} days", "magnitude")
    both = [*phases, *(phase + 1 for phase in phases)]
    picture = draw_chart(both, [mag for mag, _ in brightness], [error for _, error in brightness], labels)
    path = folder / f"{STEM}-diagnostic.jpg"
    Image.fromarray(picture).save(path, quality=JPEG_QUALITY)
    return Output(path, OutputKind.DIAGNOSTIC)
