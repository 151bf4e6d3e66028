"""Handing over a table: as JSON, strict, in the result and as a file, and as a picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from operations.framework.outcome import Outcome, Output, OutputKind, plain
from operations.framework.output_files import STEM
from operations.science.curves.curve import Curve
from operations.science.graphics.chart import chart
from operations.science.graphics.image_files import QUALITY, previews


def handed_over(data: dict[str, Any], picture: NDArray[np.uint8], folder: Path, *more: Output) -> Outcome:
    """Write the table and a picture of it into the folder, and return them, with `more`, as the outcome."""
    path = folder / f"{STEM}.json"
    strict = plain(data)
    path.write_text(json.dumps(strict, allow_nan=False))
    return Outcome((Output(path, OutputKind.TABLE), *previews(picture, folder, STEM, None), *more), strict)


def curve_picture(found: Curve) -> NDArray[np.uint8]:
    """Return a chart of a light curve."""
    first = int(found.points[0].mjd)
    days = [each.mjd - first for each in found.points]
    brightness = [found.brightness(each) for each in found.points]
    labels = (f"days after MJD {first}", f"magnitude{' from flux' if found.flux_fallback else ''}, {found.filter}")
    return chart(days, [mag for mag, _ in brightness], [error for _, error in brightness], labels)


def folded(found: Curve, period: float, folder: Path) -> Output:
    """Write a chart of a light curve by phase, two periods of it, and return it."""
    phases = [each.mjd / period % 1 for each in found.points]
    brightness = [found.brightness(each) for each in found.points] * 2
    labels = (f"phase, period {period:.6f} days", "magnitude")
    both = [*phases, *(phase + 1 for phase in phases)]
    picture = chart(both, [mag for mag, _ in brightness], [error for _, error in brightness], labels)
    path = folder / f"{STEM}-diagnostic.jpg"
    Image.fromarray(picture).save(path, quality=QUALITY)
    return Output(path, OutputKind.DIAGNOSTIC)
