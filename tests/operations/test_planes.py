"""Rows are read from any image as astropy reads the whole, and few files are held open."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework.outcome import Frame
from operations.science.frames.fits_open import opened
from operations.science.frames.images import Image, look
from operations.science.frames.planes import Reader
from tests.operations import shipped
from tests.operations.frames import noise

SHAPE = (37, 23)


def counts(kind: str) -> NDArray[Any]:
    random = np.random.default_rng(1)
    if kind.startswith("f"):
        return random.normal(1000, 10, SHAPE).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, SHAPE, dtype=kind, endpoint=True)


def looked(path: Path) -> Image:
    return look(Frame(path, path.name))


def bands(image: Image, step: int = 5) -> NDArray[Any]:
    with Reader() as reader:
        height = image.shape[0]
        parts = [reader.rows(image.science, at, min(at + step, height)) for at in range(0, height, step)]
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_type_of_pixels_keeps_its_type_and_bits(tmp_path: Path, kind: str) -> None:
    fits.PrimaryHDU(counts(kind)).writeto(tmp_path / "a.fits")

    found = bands(looked(tmp_path / "a.fits"))

    assert found.dtype == kind
    np.testing.assert_array_equal(found, counts(kind))


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("tile", [None, (7, 10), (37, 23), (10, 23)])
def test_compressed_images_are_read_by_rows_alike(tmp_path: Path, kind: str, tile: tuple[int, int] | None) -> None:
    hdu = fits.CompImageHDU(counts(kind), compression_type="GZIP_2", tile_shape=tile, quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")

    found = bands(looked(tmp_path / "a.fits"))

    assert found.dtype == kind
    np.testing.assert_array_equal(found, counts(kind))


@pytest.mark.parametrize("name", ["ccd", "m13", "sip", "secchi_a", "gmos"])
def test_real_frames_are_read_as_astropy_reads_them(name: str) -> None:
    image = looked(shipped.path(name))
    with opened(shipped.path(name), name) as file:
        expected = file[image.science.index].data

    np.testing.assert_array_equal(bands(image, 17), expected)


@pytest.mark.parametrize("bitpix", [8, 16, 32])
def test_scaled_integers_and_blanks_are_floats(tmp_path: Path, bitpix: int) -> None:
    stored = np.arange(12, dtype={8: "u1", 16: "i2", 32: "i4"}[bitpix]).reshape(3, 4)
    fits.PrimaryHDU(stored).writeto(tmp_path / "a.fits")
    for card, value in (("BSCALE", 0.5), ("BZERO", 100.0), ("BLANK", 7)):
        fits.setval(tmp_path / "a.fits", card, value=value)

    expected = stored * 0.5 + 100
    expected[stored == 7] = np.nan

    np.testing.assert_array_equal(bands(looked(tmp_path / "a.fits"), 2), expected)


def test_the_science_plane_is_sci_or_else_the_first_image(tmp_path: Path) -> None:
    others = [fits.ImageHDU(noise(SHAPE, 1), name="X"), fits.ImageHDU(noise(SHAPE, 2), name="SCI")]
    fits.HDUList([fits.PrimaryHDU(), *others]).writeto(tmp_path / "a.fits")
    fits.HDUList([fits.PrimaryHDU(), others[0]]).writeto(tmp_path / "b.fits")

    np.testing.assert_array_equal(bands(looked(tmp_path / "a.fits")), noise(SHAPE, 2))
    np.testing.assert_array_equal(bands(looked(tmp_path / "b.fits")), noise(SHAPE, 1))


def test_axes_of_length_one_do_not_count(tmp_path: Path) -> None:
    fits.PrimaryHDU(noise(SHAPE)[None]).writeto(tmp_path / "a.fits")
    fits.PrimaryHDU(np.zeros((2, 3, 4))).writeto(tmp_path / "b.fits")

    np.testing.assert_array_equal(bands(looked(tmp_path / "a.fits")), noise(SHAPE))
    with pytest.raises(BadInput, match=r"b\.fits has an image of 3 axes; an image has two"):
        looked(tmp_path / "b.fits")


def test_planes_beside_the_science_are_found(tmp_path: Path) -> None:
    more = [fits.ImageHDU(np.ones(SHAPE, "u1"), name="DQ"), fits.ImageHDU(noise(SHAPE), name="VAR")]
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(noise(SHAPE), name="SCI"), *more]).writeto(tmp_path / "a.fits")

    image = looked(tmp_path / "a.fits")

    assert (image.mask is not None, image.error is not None, image.error_is_variance) == (True, True, True)


def test_facts_come_from_either_header(tmp_path: Path) -> None:
    cards = {"EXPTIME": 12, "EGAIN": 1.5, "DATE-OBS": "2026-01-01T00:00:00"}
    primary = fits.PrimaryHDU(header=fits.Header(cards))
    science = fits.ImageHDU(noise(SHAPE), fits.Header({"READNOIS": 3.0, "FILTER": "rp "}), name="SCI")
    fits.HDUList([primary, science]).writeto(tmp_path / "a.fits")

    facts = looked(tmp_path / "a.fits").facts

    assert (facts.exposure, facts.gain, facts.read_noise, facts.filter) == (12, 1.5, 3.0, "rp")
    assert facts.middle == pytest.approx(61041 + 6 / 86400, abs=1e-9)


def test_few_files_are_held_open_however_many_there_are(tmp_path: Path) -> None:
    images = []
    for at in range(6):
        hdu = fits.CompImageHDU(noise(SHAPE, at), quantize_level=0, compression_type="GZIP_2")
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / f"{at}.fits")
        images.append(looked(tmp_path / f"{at}.fits"))

    with Reader(keep=2) as reader:
        for image in images * 2:
            reader.rows(image.science, 0, 3)
        held = reader.held

    assert (held, reader.held) == (2, 0)
