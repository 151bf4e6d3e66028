"""Saving pictures: a large and a small JPEG, and a PNG of every pixel."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from operations.framework.outcome import Output, OutputKind

LARGE, SMALL, QUALITY = 2000, 200, 95


def previews(picture: NDArray[np.uint8], folder: Path, stem: str, index: int | None) -> tuple[Output, ...]:
    """Save a picture (height, width) or (height, width, 3) for looking at, and return the files."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    large, small, full = (folder / f"{stem}{end}" for end in ("-large.jpg", "-small.jpg", ".png"))
    fitted(image, LARGE).save(large, quality=QUALITY)
    fitted(image, SMALL).save(small, quality=QUALITY)
    image.save(full, compress_level=1)
    return (
        Output(large, OutputKind.LARGE, index),
        Output(small, OutputKind.SMALL, index),
        Output(full, OutputKind.PNG, index),
    )


def fitted(image: Any, side: int) -> Any:
    """Return the image, made smaller if its longer side is above `side` pixels."""
    factor = side / max(image.size)
    if factor >= 1:
        return image
    width, height = (max(1, round(length * factor)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BOX)
