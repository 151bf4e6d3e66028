"""Results on real frames equal those of ccdproc, photutils and reproject."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.stats import mad_std, sigma_clip
from ccdproc import Combiner, combine
from photutils.aperture import CircularAperture, aperture_photometry
from reproject import reproject_adaptive, reproject_exact
from reproject.mosaicking import find_optimal_celestial_wcs

from core.errors import BadInput
from operations.framework.outcome import Frame
from operations.science.frames.fits_open import open_fits
from operations.science.frames.images import open_image
from tests.operations import shipped
from tests.operations.frames import OperationHarness, cropped, header, noise, pixels
from tests.operations.scripts import star, wcs_cards, wcs_of


def varied(harness: OperationHarness, name: str, count: int) -> tuple[list[dict[str, Any]], list[Any]]:
    """Write a real frame several times with different noise, and return items and arrays."""
    with open_fits(shipped.path(name), name) as file:
        frame = file[open_image(Frame(shipped.path(name), name)).science.index].data.astype("f4")
    frames = [frame + noise(frame.shape, n, level=0) for n in range(count)]
    return [harness.save(f"{n}.fits", each) for n, each in enumerate(frames)], frames


@pytest.mark.parametrize("name", ["ccd", "m13"])
@pytest.mark.parametrize("count", [5, 6])
def test_median_is_bit_identical_to_numpy_and_ccdproc(harness: OperationHarness, name: str, count: int) -> None:
    items, frames = varied(harness, name, count)

    found = pixels(harness.run("Median", {"input_files": items}))

    np.testing.assert_array_equal(found, np.median(frames, axis=0))
    expected = combine([CCDData(frame, unit="adu") for frame in frames], method="median", dtype="f4")
    np.testing.assert_array_equal(found, expected.data)


def test_16_bit_counts_do_not_overflow(harness: OperationHarness) -> None:
    item = shipped.copy_frame(harness, "ccd")
    other = harness.save("other.fits", np.full((520, 536), 65535, dtype="u2"))

    found = pixels(harness.run("Stacking", {"input_files": [item, other]}))

    with open_fits(shipped.path("ccd"), "ccd") as file:
        np.testing.assert_array_equal(found, file[0].data.astype("f8") + 65535)


def test_clipped_mean_equals_ccdproc(harness: OperationHarness) -> None:
    items, frames = varied(harness, "m13", 9)
    frames[2][100:110, 100:110] += 5000
    items[2] = harness.save("hit.fits", frames[2])
    raw = {"input_files": items, "combination": "sigma_clipped", "sigma_low": 3, "sigma_high": 3}

    found = pixels(harness.run("Stacking", raw))

    spread = partial(mad_std, ignore_nan=True)
    stack = np.array(frames, dtype="f8")
    clipped = sigma_clip(stack, sigma=3, maxiters=5, cenfunc=np.nanmedian, stdfunc=spread, axis=0)
    combiner = Combiner([CCDData(np.ma.getdata(layer), unit="adu", mask=layer.mask) for layer in clipped])
    agree = np.isclose(found, combiner.average_combine().data, rtol=1e-6)
    assert agree.mean() > 0.9999
    assert agree[100:110, 100:110].all()


def test_normalization_and_subtraction_equal_ccddata(harness: OperationHarness) -> None:
    items, frames = varied(harness, "m13", 2)
    one, other = (CCDData(frame.astype("f8"), unit="adu") for frame in frames)

    normalized = pixels(harness.run("Normalization", {"input_files": items[:1]}), 0)
    difference = pixels(harness.run("Subtraction", {"input_files": items[:1], "subtraction_file": items[1:]}), 0)

    np.testing.assert_allclose(normalized, one.divide(float(np.median(one.data))).data, rtol=1e-6)
    np.testing.assert_allclose(difference, one.subtract(other).data, atol=1e-3)


def test_datalab_stack_equals_reproject(harness: OperationHarness) -> None:
    shape = (120, 100)
    cards = [wcs_cards(shape, angle=angle, ra=100 + angle / 5000) for angle in (0, 8, -5)]
    items = [harness.save(f"{n}.fits", noise(shape, n), **each) for n, each in enumerate(cards)]
    raw = {"input_files": items, "stacking_mode": "reproject", "compatibility": "datalab"}

    found = harness.run("Stacking", raw)

    inputs = [(noise(shape, n), wcs_of(fits.Header(each))) for n, each in enumerate(cards)]
    wcs, size = find_optimal_celestial_wcs(inputs)
    layers = [reproject_adaptive(each, wcs, shape_out=size, conserve_flux=True)[0] for each in inputs]
    whole = np.nansum(layers, axis=0)
    left, top = (wcs.wcs.crpix - wcs_of(header(found)).wcs.crpix).round().astype(int)
    height, width = pixels(found).shape
    np.testing.assert_array_equal(pixels(found), whole[top : top + height, left : left + width])


def test_projected_stack_of_real_frames_equals_reproject(harness: OperationHarness) -> None:
    shipped.copy_frame(harness, "m13")
    original = harness.folder / "m13.fits"
    moved = harness.folder / "moved.fits"
    with fits.open(original) as real:
        real[0].header["CRPIX1"] += 7.25
        real[0].header["CRPIX2"] -= 3.5
        real.writeto(moved)
    items = [{"source": "wheel", "basename": name} for name in ("m13.fits", "moved.fits")]

    found = harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject", "compatibility": "datalab"})

    inputs = [(fits.getdata(each), wcs_of(fits.getheader(each))) for each in (original, moved)]
    wcs, size = find_optimal_celestial_wcs(inputs)
    whole = np.nansum([reproject_adaptive(each, wcs, shape_out=size, conserve_flux=True)[0] for each in inputs], axis=0)
    left, top = (wcs.wcs.crpix - wcs_of(header(found)).wcs.crpix).round().astype(int)
    height, width = pixels(found).shape
    assert (height, width) > (250, 250)
    np.testing.assert_array_equal(pixels(found), whole[top : top + height, left : left + width])


def test_stack_flux_equals_exact_projection(harness: OperationHarness) -> None:
    shape, at = (140, 140), (100.0, 20.0)
    cards = [wcs_cards(shape, angle=angle, scale=0.58 + angle / 2000) for angle in (0, 30)]
    frames = [star(shape, each, at, 10000) for each in cards]
    items = [
        harness.save(f"{n}.fits", frame, **each) for n, (frame, each) in enumerate(zip(frames, cards, strict=True))
    ]

    outcome = harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject"})

    wcs, found = wcs_of(header(outcome)), pixels(outcome)
    exact = sum(
        reproject_exact((frame, wcs_of(fits.Header(each))), wcs, shape_out=found.shape)[0]
        * (wcs.proj_plane_pixel_area() / wcs_of(fits.Header(each)).proj_plane_pixel_area()).value
        for frame, each in zip(frames, cards, strict=True)
    )
    place = CircularAperture(wcs.wcs_world2pix([at], 0), 15)
    sums = [aperture_photometry(image, place)["aperture_sum"][0] for image in (found, exact)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-3)
    assert sums[0] == pytest.approx(20000, rel=2e-3)


def test_stack_uncertainty_matches_its_scatter(harness: OperationHarness) -> None:
    shape = (100, 100)
    cards = {"GAIN": 1.7, "RDNOISE": 3.2}
    items = [
        harness.save(f"{n}.fits", noise(shape, n, sigma=np.sqrt(1000 / 1.7 + (3.2 / 1.7) ** 2)), **cards)
        for n in range(4)
    ]

    outcome = harness.run("Stacking", {"input_files": items, "combination": "mean"})

    assert np.std(pixels(outcome)) == pytest.approx(float(np.median(pixels(outcome, name="ERR"))), rel=0.03)


def test_solar_frames_are_refused_for_projection(harness: OperationHarness) -> None:
    items = [shipped.copy_frame(harness, name) for name in ("secchi_a", "secchi_b")]

    with pytest.raises(BadInput, match=r"^secchi_a\.fits has coordinates HPLN-TAN, HPLT-TAN, which are not celestial"):
        harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject"})


def test_real_pair_is_stacked_without_alignment(harness: OperationHarness) -> None:
    items = [shipped.copy_frame(harness, name) for name in ("secchi_a", "secchi_b")]

    found = pixels(harness.run("Stacking", {"input_files": items, "combination": "mean"}))

    arrays = []
    for item in items:
        with open_fits(harness.folder / item["basename"], item["basename"]) as file:
            arrays.append(file[0].data)
    np.testing.assert_array_equal(found, np.mean(arrays, axis=0, dtype="f8").astype("f4"))


def test_real_frames_of_unequal_shapes_are_cropped(harness: OperationHarness) -> None:
    items = [shipped.copy_frame(harness, name) for name in ("m13", "comp")]

    found = pixels(harness.run("Median", {"input_files": items}))

    arrays = []
    for item in items:
        with open_fits(harness.folder / item["basename"], item["basename"]) as file:
            arrays.append(file[open_image(harness.frame(item)).science.index].data)
    np.testing.assert_array_equal(found, np.median(cropped(arrays), axis=0))
