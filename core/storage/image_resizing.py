"""Pictures that people bring: decoded, checked, and drawn anew as square PNGs, so that nothing of the file survives.

What a browser shows is never what somebody sent: no script of an SVG, no second file behind the first, no place and
time in a photograph's notes.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from core.bytesize import MIB, readable
from core.errors import BadInput

FORMATS = ("PNG", "JPEG", "WEBP")
BYTES_LIMIT = 4 * MIB
SMALLEST, LARGEST = 16, 4096
FORMATS_SENTENCE = "A picture is a PNG, a JPEG or a WebP file"
BROKEN = (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, MemoryError)
"""What Pillow raises over files that only begin like pictures."""


@dataclass(frozen=True)
class Picture:
    """A picture drawn anew: the width and height that it came with, in pixels, and its squares as PNG by side."""

    width: int
    height: int
    squares: dict[int, bytes]


def squares(content: bytes, sides: Sequence[int]) -> Picture:
    """Return the picture as squares with these sides, what lacks being transparent; BadInput says why it is none.

    It takes time and memory for 4096 by 4096 pixels at most: call it on a thread.
    """
    if len(content) > BYTES_LIMIT:
        raise BadInput(f"A picture has at most {readable(BYTES_LIMIT)}; this file has {readable(len(content))}.")
    picture = _decoded(content)
    return Picture(picture.width, picture.height, {side: _square(picture, side) for side in sides})


def _decoded(content: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It warns of odd notes in files, which nobody keeps.
            found = Image.open(BytesIO(content), formats=FORMATS)
            _check(found)
            turned = ImageOps.exif_transpose(found)
            return turned.convert("RGBA")
    except UnidentifiedImageError as error:
        raise BadInput(f"{FORMATS_SENTENCE}; this file is none of them, and SVG is not taken.") from error
    except Image.DecompressionBombError as error:
        raise BadInput(_sides()) from error
    except BROKEN as error:
        raise BadInput(f"{FORMATS_SENTENCE}; this one is broken and cannot be decoded.") from error


def _check(found: Image.Image) -> None:
    """Look at the head, before a pixel is decoded."""
    if not (SMALLEST <= found.width <= LARGEST and SMALLEST <= found.height <= LARGEST):
        raise BadInput(f"{_sides()}; this one has {found.width} by {found.height}.")
    if getattr(found, "n_frames", 1) != 1:
        raise BadInput("A picture that moves is not taken; send one that stands still.")


def _sides() -> str:
    return f"A picture has from {SMALLEST} to {LARGEST} pixels each way"


def _square(picture: Image.Image, side: int) -> bytes:
    drawn = ImageOps.pad(picture, (side, side), Image.Resampling.LANCZOS, color=(0, 0, 0, 0))
    drawn.info = {}
    written = BytesIO()
    drawn.save(written, "PNG", optimize=True)
    return written.getvalue()
