"""Stacking: sums, clipped and weighted means, and projected frames."""

from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.registry import find
from operations.framework.validation import validate
from tests.operations.frames import OperationHarness, cropped, header, noise, pixels
from tests.operations.scripts import run_script, script_pixels, star, wcs_cards, wcs_of

THREE = [[[1, 2, 3], [4, 5, 6]], [[10, 20], [30, 40], [50, 60]], [[7, np.nan, 0], [8, 9, 1]]]
AT = (100.003, 20.004)


def saved(harness: OperationHarness, frames: Any, **cards: Any) -> list[dict[str, Any]]:
    return [harness.save(f"{n}.fits", np.array(frame, dtype="f4"), **cards) for n, frame in enumerate(frames)]


def test_datalab_mode_sums_without_nan(harness: OperationHarness) -> None:
    outcome = harness.run("Stacking", {"input_files": saved(harness, THREE), "compatibility": "datalab"})

    np.testing.assert_array_equal(pixels(outcome), [[18, 22], [42, 54]])


def test_sum_with_missing_values_keeps_its_level(harness: OperationHarness) -> None:
    outcome = harness.run("Stacking", {"input_files": saved(harness, THREE)})

    np.testing.assert_array_equal(pixels(outcome), [[18, 33], [42, 54]])


def test_frame_and_its_negative_cancel(harness: OperationHarness) -> None:
    frame = noise((20, 30))
    outcome = harness.run("Stacking", {"input_files": saved(harness, [frame, -frame])})

    assert not pixels(outcome).any()


def test_sum_is_rounded_once_to_float32(harness: OperationHarness) -> None:
    frames = [noise((30, 20), n) for n in range(20)]

    outcome = harness.run("Stacking", {"input_files": saved(harness, frames)})

    np.testing.assert_array_equal(pixels(outcome), np.sum(frames, axis=0, dtype="f8").astype("f4"))
    assert np.abs(np.sum(frames, axis=0) - pixels(outcome)).max() > 0


def test_unsigned_counts_do_not_wrap(harness: OperationHarness) -> None:
    items = [harness.save(f"{n}.fits", np.full((3, 3), 60000, dtype="u2"), EXPTIME=2.0, GAIN=1.5) for n in range(3)]

    outcome = harness.run("Stacking", {"input_files": items})

    assert (pixels(outcome) == 180000).all()
    found = header(outcome)
    assert (found["EXPTIME"], found["NCOMBINE"], found["GAIN"], found["COMBINE"]) == (6, 3, 1.5, "sum")


def test_clipping_drops_outliers(harness: OperationHarness) -> None:
    frames = [noise((20, 20), n) for n in range(8)]
    frames[3][5, 6] = 50000

    raw = {"input_files": saved(harness, frames), "combination": "sigma_clipped", "sigma_high": 5}
    outcome = harness.run("Stacking", raw)

    others = np.delete(np.array(frames), 3, axis=0)[:, 5, 6]
    assert abs(pixels(outcome)[5, 6] - others.mean()) < 10
    assert abs(pixels(outcome).mean() - 1000) < 1


def test_weighted_mean_is_less_noisy(harness: OperationHarness) -> None:
    frames = [noise((60, 60), n, sigma=sigma) for n, sigma in enumerate([5, 5, 50])]
    items = saved(harness, frames)

    weighted = harness.run("Stacking", {"input_files": items, "combination": "weighted"})
    plain = harness.run("Stacking", {"input_files": items, "combination": "mean"})

    assert pixels(weighted).std() == pytest.approx(5 / np.sqrt(2), rel=0.1)
    assert pixels(plain).std() > 15


@pytest.mark.parametrize(
    ("choice", "frames", "expected"),
    [
        ({"zero": "level"}, [100, 300], 200),
        ({"scale": "level"}, [100, 300], 200),
        ({"scale": "exposure"}, [100, 300], (100 * 1.5 + 300 * 0.75) / 2),
    ],
)
def test_frames_are_matched_before_they_are_combined(
    harness: OperationHarness, choice: dict[str, str], frames: list[float], expected: float
) -> None:
    items = [
        harness.save(f"{n}.fits", np.full((4, 4), level, dtype="f4"), EXPTIME=time)
        for n, (level, time) in enumerate(zip(frames, (10.0, 20.0), strict=True))
    ]

    outcome = harness.run("Stacking", {"input_files": items, "combination": "mean", **choice})

    np.testing.assert_allclose(pixels(outcome), expected, rtol=1e-6)


def test_projected_frames_align_and_conserve_flux(harness: OperationHarness) -> None:
    shape, items = (160, 150), []
    for n, (angle, scale) in enumerate([(30, 0.58), (0, 0.6), (-75, 0.58)]):
        cards = wcs_cards(shape, angle, scale, ra=100 + 0.001 * n)
        items.append(harness.save(f"{n}.fits", star(shape, cards, AT, 5000), EXPTIME=10.0, **cards))

    outcome = harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject"})

    found, image = header(outcome), pixels(outcome)
    x, y = wcs_of(found).wcs_world2pix([AT], 0)[0]
    rows, columns = np.indices(image.shape)
    assert (image * columns).sum() / image.sum() == pytest.approx(x, abs=0.02)
    assert (image * rows).sum() / image.sum() == pytest.approx(y, abs=0.02)
    assert image.sum() == pytest.approx(15000, rel=0.005)
    assert "CD1_1" not in found
    assert not np.isnan(image).any()


def test_whole_grid_can_be_kept(harness: OperationHarness) -> None:
    shape, items = (40, 50), []
    for n in range(2):
        cards = wcs_cards(shape, ra=100 + 0.002 * n)
        items.append(harness.save(f"{n}.fits", np.full(shape, 10, dtype="f4"), **cards))

    part = pixels(harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject"}))
    whole = harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject", "coverage": "all"})

    assert pixels(whole).shape[1] > part.shape[1]
    assert np.nanmax(np.abs(pixels(whole) - 20)) < 0.01
    np.testing.assert_array_equal(pixels(whole, name="BPM") != 0, np.isnan(pixels(whole)))


def test_a_frame_without_wcs_is_named(harness: OperationHarness) -> None:
    items = [harness.save("a.fits", noise((9, 9)), **wcs_cards((9, 9))), harness.save("b.fits", noise((9, 9)))]

    with pytest.raises(BadInput, match=r"^b.fits has no celestial WCS\. Solve its astrometry first or leave it out\.$"):
        harness.run("Stacking", {"input_files": items, "stacking_mode": "reproject"})


def test_frames_of_other_skies_are_refused(harness: OperationHarness) -> None:
    def items(*ra: float) -> list[dict[str, Any]]:
        return [harness.save(f"{at}.fits", noise((9, 9)), **wcs_cards((9, 9), ra=at)) for at in ra]

    with pytest.raises(BadInput, match="lie so far apart"):
        harness.run("Stacking", {"input_files": items(100, 110), "stacking_mode": "reproject"})
    with pytest.raises(BadInput, match="no part of the sky in common"):
        harness.run("Stacking", {"input_files": items(100.1, 100.105), "stacking_mode": "reproject"})


def test_datalab_mode_refuses_other_settings() -> None:
    files = [{"basename": name} for name in "ab"]
    with pytest.raises(BadInput, match="Combination applies only when compatibility is off"):
        validate(find("Stacking"), {"input_files": files, "compatibility": "datalab", "combination": "mean"})


CHOICES: list[dict[str, Any]] = [
    {},
    {"compatibility": "datalab"},
    {"combination": "mean", "scale": "exposure", "zero": "level"},
    {"combination": "median", "scale": "level"},
    {"combination": "sigma_clipped", "sigma_low": 1.5, "sigma_high": 1.5, "rounds": 3},
    {"combination": "weighted"},
    {"combination": "weighted", "weights": "exposure", "zero": "level"},
    {"stacking_mode": "reproject"},
    {"stacking_mode": "reproject", "combination": "mean", "coverage": "all"},
    {"stacking_mode": "reproject", "compatibility": "datalab"},
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice.values())) or "sum")
def test_its_script_gives_the_same_pixels(harness: OperationHarness, choice: dict[str, Any]) -> None:
    mask = np.zeros((30, 40), dtype="u1")
    mask[3:5, 7] = 1
    items = [
        harness.save(
            f"{n}.fits",
            noise((30, 40), n, level=1000 + 50 * n),
            *([fits.ImageHDU(mask, name="BPM")] if n == 1 else []),
            EXPTIME=10.0 + n,
            **wcs_cards((30, 40), angle=2 * n),
        )
        for n in range(4)
    ]
    raw = {"input_files": items, **choice}

    run_script(harness, "Stacking", raw)

    np.testing.assert_array_equal(script_pixels(harness), pixels(harness.run("Stacking", raw)))


def test_the_crop_is_the_lower_left_corner() -> None:
    frames = cropped([noise((10, 20)), noise((20, 10))])

    assert [frame.shape for frame in frames] == [(10, 10), (10, 10)]
