"""Re-encodes uploaded pictures as square PNG thumbnails, used for workstation logos.

Nothing of the uploaded file survives: no script of an SVG, no data behind the image, no location in the metadata.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from core.bytesize import MIB, format_bytes
from core.errors import BadInput

FORMATS = ("PNG", "JPEG", "WEBP")
BYTES_LIMIT = 4 * MIB
MIN_SIDE, MAX_SIDE = 16, 4096
FORMATS_SENTENCE = "A picture is a PNG, a JPEG or a WebP file"
DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, MemoryError)
"""The exceptions of Pillow for damaged files."""


@dataclass(frozen=True)
class Picture:
    """The original width and height of a picture in pixels, and its PNG thumbnails by side."""

    width: int
    height: int
    thumbnails: dict[int, bytes]


def square_thumbnails(content: bytes, sides: Sequence[int]) -> Picture:
    """Return square thumbnails with these sides and transparent padding; BadInput when the file is not accepted.

    It blocks and needs memory for MAX_SIDE by MAX_SIDE pixels: call it in a thread.
    """
    if len(content) > BYTES_LIMIT:
        raise BadInput(
            f"A picture has at most {format_bytes(BYTES_LIMIT)}; this file has {format_bytes(len(content))}."
        )
    picture = _decode(content)
    return Picture(picture.width, picture.height, {side: _square(picture, side) for side in sides})


def _decode(content: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which is dropped anyway.
            image = Image.open(BytesIO(content), formats=FORMATS)
            _check(image)
            # The orientation is metadata, which is dropped, so it is applied to the pixels.
            rotated = ImageOps.exif_transpose(image)
            return rotated.convert("RGBA")
    except UnidentifiedImageError as error:
        raise BadInput(f"{FORMATS_SENTENCE}; this file is of another type, and SVG is not accepted.") from error
    except Image.DecompressionBombError as error:
        raise BadInput(_size_sentence()) from error
    except DECODE_ERRORS as error:
        raise BadInput(f"{FORMATS_SENTENCE}; this file is damaged and cannot be decoded.") from error


def _check(image: Image.Image) -> None:
    """Check the header, before any pixel is decoded."""
    if not (MIN_SIDE <= image.width <= MAX_SIDE and MIN_SIDE <= image.height <= MAX_SIDE):
        raise BadInput(f"{_size_sentence()}; this one has {image.width} by {image.height}.")
    if getattr(image, "n_frames", 1) != 1:
        raise BadInput("Animated pictures are not accepted; send one with a single frame.")


def _size_sentence() -> str:
    return f"A picture is {MIN_SIDE} to {MAX_SIDE} pixels wide and high"


def _square(picture: Image.Image, side: int) -> bytes:
    square = ImageOps.pad(picture, (side, side), Image.Resampling.LANCZOS, color=(0, 0, 0, 0))
    square.info = {}
    output = BytesIO()
    square.save(output, "PNG", optimize=True)
    return output.getvalue()
