"""Saves previews: a large and a small JPEG, and a PNG of full size."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from operations.framework.outcome import Output, OutputKind

LARGE_SIDE, SMALL_SIDE, JPEG_QUALITY = 2000, 200, 95


def save_previews(picture: NDArray[np.uint8], folder: Path, stem: str, index: int | None) -> tuple[Output, ...]:
    """Save the previews of a picture (height, width) or (height, width, 3) and return their outputs."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    large, small, full = (folder / f"{stem}{end}" for end in ("-large.jpg", "-small.jpg", ".png"))
    shrink_to(image, LARGE_SIDE).save(large, quality=JPEG_QUALITY)
    shrink_to(image, SMALL_SIDE).save(small, quality=JPEG_QUALITY)
    image.save(full, compress_level=1)
    return (
        Output(large, OutputKind.LARGE, index),
        Output(small, OutputKind.SMALL, index),
        Output(full, OutputKind.PNG, index),
    )


def shrink_to(image: Any, side: int) -> Any:
    """Return the image, reduced if its longer side is above `side` pixels."""
    factor = side / max(image.size)
    if factor >= 1:
        return image
    width, height = (max(1, round(length * factor)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BOX)
