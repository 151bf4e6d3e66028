"""A chart of magnitudes: points with their errors, the brighter the higher."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, MARGIN, PADDING = 1000, 600, 70, 0.06
PAPER, INK, MARK = (255, 255, 255), (40, 40, 40), (20, 80, 160)
TICKS, RADIUS = 5, 3


def chart(
    days: Sequence[float], magnitudes: Sequence[float], errors: Sequence[float], labels: tuple[str, str]
) -> NDArray[np.uint8]:
    """Return a picture of magnitudes over days (or phases); `labels` name the axes. An unknown error is not drawn."""
    x, y = np.asarray(days, dtype="f8"), np.asarray(magnitudes, dtype="f8")
    e = np.nan_to_num(np.asarray(errors, dtype="f8"))
    across, down = _scale(x, x), _scale(y - e, y + e)
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    _axes(draw, across, down, labels)
    left, top = _placed(x, across, WIDTH), _placed(y, down, HEIGHT)
    for column, row, low, high in zip(
        left, top, _placed(y - e, down, HEIGHT), _placed(y + e, down, HEIGHT), strict=True
    ):
        draw.line([(column, low), (column, high)], fill=MARK)
        draw.ellipse([column - RADIUS, row - RADIUS, column + RADIUS, row + RADIUS], fill=MARK)
    return np.asarray(image)


def _scale(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis, a little beyond what it shows."""
    first, last = float(low.min()), float(high.max())
    beyond = (last - first) * PADDING or 0.5
    return first - beyond, last + beyond


def _placed(values: NDArray[np.float64], ends: tuple[float, float], length: int) -> NDArray[np.float64]:
    return MARGIN + (values - ends[0]) / (ends[1] - ends[0]) * (length - 2 * MARGIN)


def _axes(
    draw: ImageDraw.ImageDraw, across: tuple[float, float], down: tuple[float, float], labels: tuple[str, str]
) -> None:
    font = ImageFont.load_default(16)
    draw.rectangle([MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN], outline=INK)
    for value in np.linspace(*across, TICKS):
        at = float(_placed(np.array(value), across, WIDTH))
        draw.line([(at, HEIGHT - MARGIN), (at, HEIGHT - MARGIN + 6)], fill=INK)
        draw.text((at, HEIGHT - MARGIN + 8), f"{value:.4f}", fill=INK, font=font, anchor="ma")
    for value in np.linspace(*down, TICKS):
        at = float(_placed(np.array(value), down, HEIGHT))
        draw.line([(MARGIN - 6, at), (MARGIN, at)], fill=INK)
        draw.text((MARGIN - 8, at), f"{value:.2f}", fill=INK, font=font, anchor="rm")
    draw.text((WIDTH / 2, HEIGHT - 12), labels[0], fill=INK, font=font, anchor="ms")
    draw.text((MARGIN, MARGIN - 12), labels[1], fill=INK, font=font, anchor="ls")
