"""Rows equal those that astropy reads, and the number of open files is limited."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework.outcome import Frame
from operations.science.frames.fits_open import open_fits
from operations.science.frames.images import Image, open_image
from operations.science.frames.planes import PlaneReader
from tests.operations import shipped
from tests.operations.frames import noise

SHAPE = (37, 23)


def counts(kind: str) -> NDArray[Any]:
    random = np.random.default_rng(1)
    if kind.startswith("f"):
        return random.normal(1000, 10, SHAPE).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, SHAPE, dtype=kind, endpoint=True)


def opened(path: Path) -> Image:
    return open_image(Frame(path, path.name))


def bands(image: Image, step: int = 5) -> NDArray[Any]:
    with PlaneReader() as reader:
        height = image.shape[0]
        parts = [reader.rows(image.science, at, min(at + step, height)) for at in range(0, height, step)]
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_pixel_types_keep_their_bits(tmp_path: Path, kind: str) -> None:
    fits.PrimaryHDU(counts(kind)).writeto(tmp_path / "a.fits")

    found = bands(opened(tmp_path / "a.fits"))

    assert found.dtype == kind
    np.testing.assert_array_equal(found, counts(kind))


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("tile", [None, (7, 10), (37, 23), (10, 23)])
def test_compressed_images_are_read_by_rows(tmp_path: Path, kind: str, tile: tuple[int, int] | None) -> None:
    hdu = fits.CompImageHDU(counts(kind), compression_type="GZIP_2", tile_shape=tile, quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")

    found = bands(opened(tmp_path / "a.fits"))

    assert found.dtype == kind
    np.testing.assert_array_equal(found, counts(kind))


@pytest.mark.parametrize("name", ["ccd", "m13", "sip", "secchi_a", "gmos"])
def test_real_frames_are_read_as_astropy_reads_them(name: str) -> None:
    image = opened(shipped.path(name))
    with open_fits(shipped.path(name), name) as file:
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

    np.testing.assert_array_equal(bands(opened(tmp_path / "a.fits"), 2), expected)


def test_science_plane_is_sci_else_first_image(tmp_path: Path) -> None:
    others = [fits.ImageHDU(noise(SHAPE, 1), name="X"), fits.ImageHDU(noise(SHAPE, 2), name="SCI")]
    fits.HDUList([fits.PrimaryHDU(), *others]).writeto(tmp_path / "a.fits")
    fits.HDUList([fits.PrimaryHDU(), others[0]]).writeto(tmp_path / "b.fits")

    np.testing.assert_array_equal(bands(opened(tmp_path / "a.fits")), noise(SHAPE, 2))
    np.testing.assert_array_equal(bands(opened(tmp_path / "b.fits")), noise(SHAPE, 1))


def test_axes_of_length_one_do_not_count(tmp_path: Path) -> None:
    fits.PrimaryHDU(noise(SHAPE)[None]).writeto(tmp_path / "a.fits")
    fits.PrimaryHDU(np.zeros((2, 3, 4))).writeto(tmp_path / "b.fits")

    np.testing.assert_array_equal(bands(opened(tmp_path / "a.fits")), noise(SHAPE))
    with pytest.raises(BadInput, match=r"b\.fits has an image of 3 axes; it must have two"):
        opened(tmp_path / "b.fits")


def test_mask_and_error_planes_are_found(tmp_path: Path) -> None:
    more = [fits.ImageHDU(np.ones(SHAPE, "u1"), name="DQ"), fits.ImageHDU(noise(SHAPE), name="VAR")]
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(noise(SHAPE), name="SCI"), *more]).writeto(tmp_path / "a.fits")

    image = opened(tmp_path / "a.fits")

    assert (image.mask is not None, image.error is not None, image.error_is_variance) == (True, True, True)


def test_metadata_comes_from_either_header(tmp_path: Path) -> None:
    cards = {"EXPTIME": 12, "EGAIN": 1.5, "DATE-OBS": "2026-01-01T00:00:00"}
    primary = fits.PrimaryHDU(header=fits.Header(cards))
    science = fits.ImageHDU(noise(SHAPE), fits.Header({"READNOIS": 3.0, "FILTER": "rp "}), name="SCI")
    fits.HDUList([primary, science]).writeto(tmp_path / "a.fits")

    metadata = opened(tmp_path / "a.fits").metadata

    assert (metadata.exposure, metadata.gain, metadata.read_noise, metadata.filter) == (12, 1.5, 3.0, "rp")
    assert metadata.middle == pytest.approx(61041 + 6 / 86400, abs=1e-9)


def test_number_of_open_files_is_limited(tmp_path: Path) -> None:
    images = []
    for at in range(6):
        hdu = fits.CompImageHDU(noise(SHAPE, at), quantize_level=0, compression_type="GZIP_2")
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / f"{at}.fits")
        images.append(opened(tmp_path / f"{at}.fits"))

    with PlaneReader(max_open=2) as reader:
        for image in images * 2:
            reader.rows(image.science, 0, 3)
        open_files = reader.open_files

    assert (open_files, reader.open_files) == (2, 0)
