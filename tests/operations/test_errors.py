"""Damaged, missing and unsuitable files give one sentence, in every operation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.context import LocalContext
from operations.framework.errors import Cancelled, OperationInterrupted
from operations.framework.registry import available
from operations.framework.runner import estimate
from tests.operations.frames import OperationHarness, noise, pixels
from tests.operations.scripts import wcs_cards

FILES = "input_files"
IMAGE_OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "Median": (FILES, {}),
    "Normalization": (FILES, {}),
    "Stacking": (FILES, {}),
    "Subtraction": (FILES, {}),
    "Color Image": ("color_channels", {}),
    "Calibration": (FILES, {}),
    "Cosmic Ray Rejection": (FILES, {"gain": 1.0, "read_noise": 5.0}),
}


def inputs(harness: OperationHarness, name: str, *items: dict[str, Any]) -> dict[str, Any]:
    key, more = IMAGE_OPERATIONS[name]
    other = harness.save("other.fits", noise((30, 30)))
    beside = {"Subtraction": "subtraction_file", "Calibration": "bias_files"}
    return {key: list(items), **more, **({beside[name]: [other]} if name in beside else {})}


def damage(path: Path, kind: str) -> None:
    data = path.read_bytes()
    changes = {
        "empty": b"",
        "text": b"this is no picture\n" * 200,
        "cut": data[: len(data) // 2],
        "header": data[:2880],
        "card": data.replace(b"NAXIS1  =                   30", b"NAXIS1  =                   xx", 1),
    }
    path.write_bytes(changes[kind])


@pytest.mark.parametrize("name", IMAGE_OPERATIONS)
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("empty", "is not a readable FITS file. Upload it again or leave it out."),
        ("text", "is not a readable FITS file. Upload it again or leave it out."),
        ("cut", "is truncated. Upload it again."),
        ("header", "contains no readable image. Leave the file out."),
        ("card", "contains no readable image. Leave the file out."),
    ],
)
def test_a_damaged_file_is_named(harness: OperationHarness, name: str, kind: str, sentence: str) -> None:
    items = [harness.save("a.fits", noise((30, 30))), harness.save("b.fits", noise((30, 30), 2))]
    damage(harness.folder / "b.fits", kind)

    with pytest.raises(BadInput) as refused:
        harness.run(name, inputs(harness, name, *items))

    assert refused.value.message == f"b.fits {sentence}"


@pytest.mark.parametrize("compress", [False, True])
def test_file_truncated_during_the_run_is_named(harness: OperationHarness, compress: bool) -> None:
    items = [harness.save(f"{n}.fits", noise((90, 90), n), compress=compress) for n in range(2)]

    class Cutting(LocalContext):
        def report(self, fraction: float, phase: str, message: str = "") -> None:
            if phase == "combining":
                path = harness.folder / "1.fits"
                path.write_bytes(path.read_bytes()[:9000])
            super().report(fraction, phase, message)

    with pytest.raises(BadInput, match=r"^1\.fits is (truncated|not a readable FITS file)"):
        harness.run("Median", {FILES: items}, Cutting(harness.context().folder))


@pytest.mark.parametrize("name", IMAGE_OPERATIONS)
def test_missing_file_is_retryable(harness: OperationHarness, name: str) -> None:
    items = [harness.save("a.fits", noise((30, 30))), {"source": "upload", "basename": "gone.fits"}]

    with pytest.raises(OperationInterrupted) as interrupted:
        harness.run(name, inputs(harness, name, *items))

    assert interrupted.value.message == "gone.fits was removed during the run. Start the operation again."


@pytest.mark.parametrize("name", [*IMAGE_OPERATIONS, "Light Curve", "Variable Star"])
def test_estimate_names_a_missing_file(harness: OperationHarness, name: str) -> None:
    items = [harness.save("a.fits", noise((30, 30))), {"source": "upload", "basename": "gone.fits"}]
    more = [harness.save(f"b{number}.fits", noise((30, 30))) for number in range(6)]
    curve = {FILES: [*items, *more], "source": {"ra": 10.0, "dec": 20.0}}
    run_inputs = harness.inputs(name, inputs(harness, name, *items) if name in IMAGE_OPERATIONS else curve)

    with pytest.raises(OperationInterrupted, match=r"^gone\.fits was removed during the run\. Start"):
        estimate(name, run_inputs)


def test_table_is_refused_as_image(harness: OperationHarness) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column(name="x", format="D", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(harness.folder / "t.fits")
    items = [harness.save("a.fits", noise((30, 30))), {"source": "upload", "basename": "t.fits"}]

    with pytest.raises(BadInput, match=r"^t\.fits contains no readable image\. Leave the file out\.$"):
        harness.run("Median", {FILES: items})


def test_single_frame_is_refused_for_a_median(harness: OperationHarness) -> None:
    with pytest.raises(BadInput, match="Input Files needs at least 2 files, not 1"):
        harness.run("Median", {FILES: [harness.save("a.fits", noise((30, 30)))]})


def test_all_nan_frames_give_bad_pixels(harness: OperationHarness) -> None:
    nothing = np.full((30, 30), np.nan, dtype="f4")
    items = [harness.save("a.fits", nothing), harness.save("b.fits", nothing)]

    outcome = harness.run("Median", {FILES: items})

    assert np.isnan(pixels(outcome)).all()
    assert pixels(outcome, name="BPM").all()


@pytest.mark.parametrize("name", IMAGE_OPERATIONS)
@pytest.mark.parametrize("after", [0.01, 0.3, 0.7])
def test_a_run_stops_at_the_next_checkpoint(harness: OperationHarness, name: str, after: float) -> None:
    items = [harness.save(f"{n}.fits", noise((30, 30), n), **wcs_cards((30, 30))) for n in range(4)]
    context = harness.context()
    stopping = LocalContext(context.folder, stop=lambda: stopping.fraction >= after)

    with pytest.raises(Cancelled):
        harness.run(name, inputs(harness, name, *items), stopping)

    assert stopping.fraction < 1


def test_projecting_stops_between_bands_of_one_frame(harness: OperationHarness) -> None:
    shape = (400, 300)
    items = [harness.save(f"{n}.fits", noise(shape, n), **wcs_cards(shape, angle=n)) for n in range(2)]
    context = harness.context()
    reported: list[float] = []

    class Counting(LocalContext):
        def report(self, fraction: float, phase: str, message: str = "") -> None:
            reported.append(fraction) if phase == "projecting" else None
            super().report(fraction, phase, message)

    harness.run("Stacking", {FILES: items, "stacking_mode": "reproject"}, Counting(context.folder))

    assert len(reported) > 4
    assert reported == sorted(reported)


@pytest.mark.parametrize("name", IMAGE_OPERATIONS)
def test_progress_goes_forwards_to_the_end(harness: OperationHarness, name: str) -> None:
    items = [harness.save(f"{n}.fits", noise((30, 30), n)) for n in range(3)]
    reported: list[float] = []

    class Counting(LocalContext):
        def report(self, fraction: float, phase: str, message: str = "") -> None:
            reported.append(fraction)
            super().report(fraction, phase, message)

    harness.run(name, inputs(harness, name, *items), Counting(harness.context().folder))

    assert reported == sorted(reported)
    assert reported[-1] == pytest.approx(1.0)


def test_all_image_operations_are_covered_here() -> None:
    assert set(IMAGE_OPERATIONS) == set(available()) - {"Light Curve", "Variable Star"}
