"""Pictures are re-encoded; invalid, too large or hostile files are refused in one sentence."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from core.errors import BadInput
from core.storage import image_resizing

SIDES = (64, 128)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def encoded(kind: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    """Return a file with a picture of one colour."""
    written = BytesIO()
    Image.new(mode, size, "red").save(written, kind, **options)
    return written.getvalue()


def decoded(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize("kind", image_resizing.FORMATS)
def test_picture_becomes_transparent_padded_squares(kind: str) -> None:
    found = image_resizing.square_thumbnails(encoded(kind), SIDES)

    assert (found.width, found.height, list(found.thumbnails)) == (40, 20, list(SIDES))
    for side, content in found.thumbnails.items():
        square = decoded(content)
        assert (square.format, square.size, square.mode) == ("PNG", (side, side), "RGBA")
        assert square.getpixel((0, 0)) == (0, 0, 0, 0)
        red, green, _, alpha = square.getpixel((side // 2, side // 2))
        assert (red > 240, green < 16, alpha) == (True, True, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_colour_mode_is_accepted(mode: str) -> None:
    written = BytesIO()
    Image.new(mode, (32, 32)).save(written, "PNG")

    assert image_resizing.square_thumbnails(written.getvalue(), SIDES).thumbnails.keys() == set(SIDES)


def test_only_pixels_survive() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    sent = encoded("PNG", pnginfo=notes) + SVG

    for content in image_resizing.square_thumbnails(sent, SIDES).thumbnails.values():
        assert b"script" not in content
        assert decoded(content).info == {}


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by a quarter.

    found = image_resizing.square_thumbnails(encoded("JPEG", exif=exif), SIDES)

    assert (found.width, found.height) == (20, 40)


def _bomb(width: int, height: int) -> bytes:
    """Return the header of a huge picture, with hardly any data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _moving() -> bytes:
    written = BytesIO()
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(written, "PNG", save_all=True, append_images=frames[1:])
    return written.getvalue()


REFUSED = {
    "nothing": (b"", "of another type"),
    "text": (b"no picture at all", "of another type"),
    "an SVG": (SVG, "SVG is not accepted"),
    "a GIF": (encoded("GIF"), "of another type"),
    "a bitmap": (encoded("BMP"), "of another type"),
    "cut off": (encoded("PNG", (300, 300))[:60], "damaged"),
    "too small": (encoded("PNG", (15, 40)), "15 by 40"),
    "too wide": (encoded("PNG", (4097, 16)), "4097 by 16"),
    "a bomb": (_bomb(60_000, 60_000), "16 to 4096 pixels"),
    "less than its head says": (_bomb(4000, 4000), "damaged"),
    "one that moves": (_moving(), "single frame"),
    "too many bytes": (b"x" * (image_resizing.BYTES_LIMIT + 1), "at most 4 MiB"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_file_is_one_sentence(what: str) -> None:
    content, sentence = REFUSED[what]

    with pytest.raises(BadInput) as caught:
        image_resizing.square_thumbnails(content, SIDES)

    assert sentence in caught.value.message


@pytest.mark.parametrize("kind", image_resizing.FORMATS)
def test_damaged_file_raises_only_bad_input(kind: str) -> None:
    sent = encoded(kind, (64, 64))
    for at in range(0, len(sent), max(1, len(sent) // 60)):
        for damaged in (sent[:at], sent[:at] + bytes([sent[at] ^ 0xFF]) + sent[at + 1 :]):
            with suppress(BadInput):
                assert image_resizing.square_thumbnails(damaged, (16,)).thumbnails
