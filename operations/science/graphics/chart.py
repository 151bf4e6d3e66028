"""Charts of magnitudes: points with error bars, brighter at the top."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, MARGIN, PADDING = 1000, 600, 70, 0.06
BACKGROUND, AXIS_COLOR, POINT_COLOR = (255, 255, 255), (40, 40, 40), (20, 80, 160)
TICKS, RADIUS = 5, 3


def draw_chart(
    days: Sequence[float], magnitudes: Sequence[float], errors: Sequence[float], labels: tuple[str, str]
) -> NDArray[np.uint8]:
    """Return a chart of magnitudes over days or phases; `labels` name the axes. An unknown error is not drawn."""
    x, y = np.asarray(days, dtype="f8"), np.asarray(magnitudes, dtype="f8")
    e = np.nan_to_num(np.asarray(errors, dtype="f8"))
    across, down = _axis_range(x, x), _axis_range(y - e, y + e)
    image = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    draw = ImageDraw.Draw(image)
    _draw_axes(draw, across, down, labels)
    left, top = _to_pixels(x, across, WIDTH), _to_pixels(y, down, HEIGHT)
    for column, row, low, high in zip(
        left, top, _to_pixels(y - e, down, HEIGHT), _to_pixels(y + e, down, HEIGHT), strict=True
    ):
        draw.line([(column, low), (column, high)], fill=POINT_COLOR)
        draw.ellipse([column - RADIUS, row - RADIUS, column + RADIUS, row + RADIUS], fill=POINT_COLOR)
    return np.asarray(image)


def _axis_range(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis, with padding."""
    first, last = float(low.min()), float(high.max())
    padding = (last - first) * PADDING or 0.5
    return first - padding, last + padding


def _to_pixels(values: NDArray[np.float64], ends: tuple[float, float], length: int) -> NDArray[np.float64]:
    return MARGIN + (values - ends[0]) / (ends[1] - ends[0]) * (length - 2 * MARGIN)


def _draw_axes(
    draw: ImageDraw.ImageDraw, across: tuple[float, float], down: tuple[float, float], labels: tuple[str, str]
) -> None:
    font = ImageFont.load_default(16)
    draw.rectangle([MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN], outline=AXIS_COLOR)
    for value in np.linspace(*across, TICKS):
        at = float(_to_pixels(np.array(value), across, WIDTH))
        draw.line([(at, HEIGHT - MARGIN), (at, HEIGHT - MARGIN + 6)], fill=AXIS_COLOR)
        draw.text((at, HEIGHT - MARGIN + 8), f"{value:.4f}", fill=AXIS_COLOR, font=font, anchor="ma")
    for value in np.linspace(*down, TICKS):
        at = float(_to_pixels(np.array(value), down, HEIGHT))
        draw.line([(MARGIN - 6, at), (MARGIN, at)], fill=AXIS_COLOR)
        draw.text((MARGIN - 8, at), f"{value:.2f}", fill=AXIS_COLOR, font=font, anchor="rm")
    draw.text((WIDTH / 2, HEIGHT - 12), labels[0], fill=AXIS_COLOR, font=font, anchor="ms")
    draw.text((MARGIN, MARGIN - 12), labels[1], fill=AXIS_COLOR, font=font, anchor="ls")
