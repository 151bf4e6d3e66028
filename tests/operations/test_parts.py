"""The parts of operations: medians, bands, rectangles, similarities and levels."""

import threading

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.context import LocalContext, SubProgress
from operations.framework.errors import Cancelled
from operations.science.alignment.similarity import Similarity, center_on_canvas, fit_similarity, match_stars
from operations.science.combination.levels import measure_levels
from operations.science.combination.medians import MAX_NETWORK_FRAMES, median, nan_median, network
from operations.science.frames.bands import MEMORY_BUDGET, Band, for_each_band, plan_bands, thread_count
from operations.science.frames.images import open_image
from operations.science.frames.wcs import replace_wcs
from operations.science.projection.rectangles import Rectangle, covered_rectangle, intersection
from tests.operations.frames import OperationHarness, noise
from tests.operations.scripts import wcs_cards, wcs_of


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("count", [*range(1, 34), 100, MAX_NETWORK_FRAMES + 1])
def test_a_median_has_the_bits_of_numpy(count: int, kind: str) -> None:
    stack = np.random.default_rng(count).normal(size=(count, 77)).astype(kind)
    stack[:, 5] = 1.0
    stack[0, 6], stack[-1, 7] = np.inf, -np.inf
    stack[count // 2, 8] = np.nan

    np.testing.assert_array_equal(median(stack.copy()), np.median(stack, axis=0))


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_a_median_without_nan_is_that_of_numpy(count: int) -> None:
    random = np.random.default_rng(count)
    stack = random.normal(size=(count, 500)).astype("f4")
    stack[random.random(stack.shape) < 0.3] = np.nan
    empty = np.isnan(stack).all(axis=0)

    found = nan_median(stack.copy())

    assert np.isnan(found[empty]).all()
    np.testing.assert_array_equal(found[~empty], np.nanmedian(stack[:, ~empty], axis=0))


def test_network_omits_unneeded_comparators() -> None:
    assert network(1) == ()
    assert len(network(20)) < 100
    assert any(not (low and high) for _, _, low, high in network(20))


def test_bands_fit_the_budget_and_cut_no_tile() -> None:
    bands = plan_bands(1000, MEMORY_BUDGET // thread_count() // 100, tile_rows=32)

    assert {band.height for band in bands[:-1]} == {96}
    assert [band.start for band in bands[1:]] == [band.stop for band in bands[:-1]]
    assert (bands[0].start, bands[-1].stop) == (0, 1000)
    assert [band.height for band in plan_bands(3, 10 * MEMORY_BUDGET)] == [1, 1, 1]


def test_bands_run_on_a_limited_thread_pool(harness: OperationHarness) -> None:
    names, running, most, lock = set(), 0, 0, threading.Lock()

    def task(_: Band) -> None:
        nonlocal running, most
        with lock:
            names.add(threading.current_thread().name)
            running += 1
            most = max(most, running)
        np.sort(np.random.default_rng(1).random(100_000))
        with lock:
            running -= 1

    context = harness.context()
    for_each_band([Band(at, at + 1) for at in range(20)], task, SubProgress(context, "x", 0, 1))

    assert 1 <= most <= thread_count()
    assert all(name.startswith("band") for name in names)
    assert context.fraction == 1


def test_error_in_a_band_cancels_the_rest(harness: OperationHarness) -> None:
    done = []

    def task(band: Band) -> None:
        if band.start == 3:
            raise BadInput("No.")
        done.append(band.start)

    with pytest.raises(BadInput, match="No"):
        for_each_band([Band(at, at + 1) for at in range(500)], task, SubProgress(harness.context(), "x", 0, 1))

    assert len(done) < 20


def test_a_stop_between_bands_ends_them(harness: OperationHarness) -> None:
    done: list[int] = []
    context = LocalContext(harness.context().folder, stop=lambda: len(done) > 5)

    with pytest.raises(Cancelled):
        for_each_band(
            [Band(at, at + 1) for at in range(500)],
            lambda band: done.append(band.start),
            SubProgress(context, "x", 0, 1),
        )

    assert len(done) < 20


def test_covered_rectangle_has_covered_edges() -> None:
    whole = np.zeros((9, 9), dtype=bool)
    whole[2:7, 1:8] = True
    cut = whole.copy()
    cut[2, 1:4] = False
    diamond = np.add.outer(np.abs(np.arange(9) - 4), np.abs(np.arange(9) - 4)) <= 4

    assert covered_rectangle(whole) == Rectangle(2, 7, 1, 8)
    assert covered_rectangle(cut) == Rectangle(3, 7, 1, 8)
    assert diamond[
        covered_rectangle(diamond).top : covered_rectangle(diamond).bottom,
        covered_rectangle(diamond).left : covered_rectangle(diamond).right,
    ].all()
    assert covered_rectangle(np.zeros((3, 3), dtype=bool)).is_empty


def test_intersection_of_rectangles() -> None:
    assert intersection([Rectangle(0, 9, 0, 9), Rectangle(2, 20, -3, 5)]) == Rectangle(2, 9, 0, 5)
    with pytest.raises(BadInput, match="no part of the sky in common"):
        intersection([Rectangle(0, 3, 0, 3), Rectangle(3, 6, 0, 3)])


def test_similarity_is_found_from_unordered_stars() -> None:
    random = np.random.default_rng(5)
    points = random.uniform(0, 1000, (40, 2))
    truth = Similarity(1.02 * np.cos(0.4), 1.02 * np.sin(0.4), 120.0, -33.0)
    targets = random.permutation(np.concatenate([truth(points)[:30], random.uniform(0, 1000, (10, 2))]))

    found = match_stars(points, targets)

    assert found is not None
    np.testing.assert_allclose(found(points), truth(points), atol=1e-6)
    assert found.scale == pytest.approx(1.02)
    np.testing.assert_allclose(fit_similarity(points, truth(points))(points), truth(points), atol=1e-8)


def test_few_or_other_stars_do_not_match() -> None:
    random = np.random.default_rng(5)

    assert match_stars(random.uniform(0, 99, (2, 2)), random.uniform(0, 99, (20, 2))) is None


def test_image_is_cropped_or_padded_about_its_centre() -> None:
    image = np.arange(20.0).reshape(4, 5)

    np.testing.assert_array_equal(center_on_canvas(image, (2, 3)), image[1:3, 1:4])
    framed = center_on_canvas(image, (6, 5))
    np.testing.assert_array_equal(framed[1:5], image)
    assert np.isnan(framed[[0, 5]]).all()


def test_level_is_median_and_spread(harness: OperationHarness) -> None:
    frame = noise((200, 300), level=500, sigma=7)
    frame[:10] = np.nan
    image = open_image(harness.frame(harness.save("a.fits", frame)))

    [level] = measure_levels([image], image.shape, np.dtype("f4"), SubProgress(harness.context(), "x", 0, 1))

    assert level.median == np.nanmedian(frame)
    assert level.sigma == pytest.approx(7, rel=0.02)


def test_replaced_wcs_leaves_no_old_card() -> None:
    old = fits.Header(wcs_cards((9, 9), angle=30))
    old.update(
        {"CROTA2": 12.0, "PV1_1": 3.0, "A_ORDER": 2, "A_2_0": 1e-5, "LTV1": 3.0, "EXPTIME": 5.0, "PIXSCALE": 1.0}
    )
    new = wcs_of(fits.Header(wcs_cards((20, 20), ra=50)))

    replace_wcs(old, new)

    assert not {"CROTA2", "PV1_1", "A_ORDER", "A_2_0", "CD1_1", "LTV1"} & set(old)
    assert old["EXPTIME"] == 5
    assert old["PIXSCALE"] == pytest.approx(0.58)
    np.testing.assert_allclose(wcs_of(old).wcs_pix2world([[3, 4]], 0), new.wcs_pix2world([[3, 4]], 0), atol=1e-10)
