"""The parts that operations are made of: medians, bands, rectangles, similarities, levels."""

import threading

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.context import Alone, Stage
from operations.framework.errors import Cancelled
from operations.science.alignment.similarity import Similarity, centred, fit, match
from operations.science.combination.levels import levels
from operations.science.combination.medians import WIDEST, median, nan_median, network
from operations.science.frames.bands import BUDGET, Band, each_band, plan, threads
from operations.science.frames.images import look
from operations.science.frames.wcs import put
from operations.science.projection.rectangles import Rectangle, common, covered
from tests.operations.frames import Bench, noise
from tests.operations.scripts import wcs_cards, wcs_of


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("count", [*range(1, 34), 100, WIDEST + 1])
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


def test_a_network_leaves_out_what_the_middle_does_not_need() -> None:
    assert network(1) == ()
    assert len(network(20)) < 100
    assert any(not (low and high) for _, _, low, high in network(20))


def test_bands_fit_the_budget_and_cut_no_tile() -> None:
    bands = plan(1000, BUDGET // threads() // 100, tile_rows=32)

    assert {band.height for band in bands[:-1]} == {96}
    assert [band.start for band in bands[1:]] == [band.stop for band in bands[:-1]]
    assert (bands[0].start, bands[-1].stop) == (0, 1000)
    assert [band.height for band in plan(3, 10 * BUDGET)] == [1, 1, 1]


def test_bands_are_worked_on_by_several_threads_and_few_at_once(bench: Bench) -> None:
    names, running, most, guard = set(), 0, 0, threading.Lock()

    def task(_: Band) -> None:
        nonlocal running, most
        with guard:
            names.add(threading.current_thread().name)
            running += 1
            most = max(most, running)
        np.sort(np.random.default_rng(1).random(100_000))
        with guard:
            running -= 1

    work = bench.work()
    each_band([Band(at, at + 1) for at in range(20)], task, Stage(work, "x", 0, 1))

    assert 1 <= most <= threads()
    assert all(name.startswith("band") for name in names)
    assert work.fraction == 1


def test_the_first_error_of_a_band_ends_the_others(bench: Bench) -> None:
    done = []

    def task(band: Band) -> None:
        if band.start == 3:
            raise BadInput("No.")
        done.append(band.start)

    with pytest.raises(BadInput, match="No"):
        each_band([Band(at, at + 1) for at in range(500)], task, Stage(bench.work(), "x", 0, 1))

    assert len(done) < 20


def test_a_stop_between_bands_ends_them(bench: Bench) -> None:
    done: list[int] = []
    work = Alone(bench.work().folder, stop=lambda: len(done) > 5)

    with pytest.raises(Cancelled):
        each_band([Band(at, at + 1) for at in range(500)], lambda band: done.append(band.start), Stage(work, "x", 0, 1))

    assert len(done) < 20


def test_a_rectangle_is_shrunk_until_its_edges_are_covered() -> None:
    whole = np.zeros((9, 9), dtype=bool)
    whole[2:7, 1:8] = True
    cut = whole.copy()
    cut[2, 1:4] = False
    diamond = np.add.outer(np.abs(np.arange(9) - 4), np.abs(np.arange(9) - 4)) <= 4

    assert covered(whole) == Rectangle(2, 7, 1, 8)
    assert covered(cut) == Rectangle(3, 7, 1, 8)
    assert diamond[covered(diamond).top : covered(diamond).bottom, covered(diamond).left : covered(diamond).right].all()
    assert covered(np.zeros((3, 3), dtype=bool)).empty


def test_what_rectangles_have_in_common() -> None:
    assert common([Rectangle(0, 9, 0, 9), Rectangle(2, 20, -3, 5)]) == Rectangle(2, 9, 0, 5)
    with pytest.raises(BadInput, match="no part of the sky in common"):
        common([Rectangle(0, 3, 0, 3), Rectangle(3, 6, 0, 3)])


def test_a_similarity_is_found_from_stars_in_any_order() -> None:
    random = np.random.default_rng(5)
    points = random.uniform(0, 1000, (40, 2))
    truth = Similarity(1.02 * np.cos(0.4), 1.02 * np.sin(0.4), 120.0, -33.0)
    targets = random.permutation(np.concatenate([truth(points)[:30], random.uniform(0, 1000, (10, 2))]))

    found = match(points, targets)

    assert found is not None
    np.testing.assert_allclose(found(points), truth(points), atol=1e-6)
    assert found.scale == pytest.approx(1.02)
    np.testing.assert_allclose(fit(points, truth(points))(points), truth(points), atol=1e-8)


def test_few_or_other_stars_do_not_match() -> None:
    random = np.random.default_rng(5)

    assert match(random.uniform(0, 99, (2, 2)), random.uniform(0, 99, (20, 2))) is None


def test_an_image_is_cut_or_framed_about_its_middle() -> None:
    image = np.arange(20.0).reshape(4, 5)

    np.testing.assert_array_equal(centred(image, (2, 3)), image[1:3, 1:4])
    framed = centred(image, (6, 5))
    np.testing.assert_array_equal(framed[1:5], image)
    assert np.isnan(framed[[0, 5]]).all()


def test_the_level_of_a_frame_is_its_median_and_its_spread(bench: Bench) -> None:
    frame = noise((200, 300), level=500, sigma=7)
    frame[:10] = np.nan
    image = look(bench.frame(bench.save("a.fits", frame)))

    [level] = levels([image], image.shape, np.dtype("f4"), Stage(bench.work(), "x", 0, 1))

    assert level.middle == np.nanmedian(frame)
    assert level.sigma == pytest.approx(7, rel=0.02)


def test_every_card_of_an_old_wcs_is_gone() -> None:
    old = fits.Header(wcs_cards((9, 9), angle=30))
    old.update(
        {"CROTA2": 12.0, "PV1_1": 3.0, "A_ORDER": 2, "A_2_0": 1e-5, "LTV1": 3.0, "EXPTIME": 5.0, "PIXSCALE": 1.0}
    )
    new = wcs_of(fits.Header(wcs_cards((20, 20), ra=50)))

    put(old, new)

    assert not {"CROTA2", "PV1_1", "A_ORDER", "A_2_0", "CD1_1", "LTV1"} & set(old)
    assert old["EXPTIME"] == 5
    assert old["PIXSCALE"] == pytest.approx(0.58)
    np.testing.assert_allclose(wcs_of(old).wcs_pix2world([[3, 4]], 0), new.wcs_pix2world([[3, 4]], 0), atol=1e-10)
