"""Files that are not what they should be: one sentence each, whatever the operation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from core.errors import BadInput
from operations.framework.context import Alone
from operations.framework.errors import Cancelled, OperationInterrupted
from operations.framework.registry import available
from operations.framework.runner import estimate
from tests.operations.frames import Bench, noise, pixels
from tests.operations.scripts import wcs_cards

FILES = "input_files"
TWO: dict[str, tuple[str, dict[str, Any]]] = {
    "Median": (FILES, {}),
    "Normalization": (FILES, {}),
    "Stacking": (FILES, {}),
    "Subtraction": (FILES, {}),
    "Color Image": ("color_channels", {}),
    "Calibration": (FILES, {}),
    "Cosmic Ray Rejection": (FILES, {"gain": 1.0, "read_noise": 5.0}),
}


def inputs(bench: Bench, name: str, *items: dict[str, Any]) -> dict[str, Any]:
    key, more = TWO[name]
    other = bench.save("other.fits", noise((30, 30)))
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


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("empty", "is not a FITS file that can be read; upload it again or leave it out."),
        ("text", "is not a FITS file that can be read; upload it again or leave it out."),
        ("cut", "is cut short: its end is missing; upload it again."),
        ("header", "holds no image that can be read; leave it out."),
        ("card", "holds no image that can be read; leave it out."),
    ],
)
def test_a_damaged_file_is_named(bench: Bench, name: str, kind: str, sentence: str) -> None:
    items = [bench.save("a.fits", noise((30, 30))), bench.save("b.fits", noise((30, 30), 2))]
    damage(bench.folder / "b.fits", kind)

    with pytest.raises(BadInput) as refused:
        bench.run(name, inputs(bench, name, *items))

    assert refused.value.message == f"b.fits {sentence}"


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_cut_after_the_look_is_still_named(bench: Bench, compress: bool) -> None:
    items = [bench.save(f"{n}.fits", noise((90, 90), n), compress=compress) for n in range(2)]

    class Cutting(Alone):
        def report(self, fraction: float, phase: str, message: str = "") -> None:
            if phase == "combining":
                path = bench.folder / "1.fits"
                path.write_bytes(path.read_bytes()[:9000])
            super().report(fraction, phase, message)

    with pytest.raises(BadInput, match=r"^1\.fits is (cut short|not a FITS file)"):
        bench.run("Median", {FILES: items}, Cutting(bench.work().folder))


@pytest.mark.parametrize("name", TWO)
def test_a_file_that_is_gone_is_worth_another_attempt(bench: Bench, name: str) -> None:
    items = [bench.save("a.fits", noise((30, 30))), {"source": "upload", "basename": "gone.fits"}]

    with pytest.raises(OperationInterrupted) as interrupted:
        bench.run(name, inputs(bench, name, *items))

    assert interrupted.value.message == "gone.fits is no longer where it was; start the operation again."


@pytest.mark.parametrize("name", [*TWO, "Light Curve", "Variable Star"])
def test_a_file_that_has_vanished_is_named_by_the_estimate_too(bench: Bench, name: str) -> None:
    items = [bench.save("a.fits", noise((30, 30))), {"source": "upload", "basename": "gone.fits"}]
    more = [bench.save(f"b{number}.fits", noise((30, 30))) for number in range(6)]
    curve = {FILES: [*items, *more], "source": {"ra": 10.0, "dec": 20.0}}
    given = bench.given(name, inputs(bench, name, *items) if name in TWO else curve)

    with pytest.raises(OperationInterrupted, match=r"^gone\.fits is no longer where it was; start"):
        estimate(name, given)


def test_a_table_is_no_image(bench: Bench) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column(name="x", format="D", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(bench.folder / "t.fits")
    items = [bench.save("a.fits", noise((30, 30))), {"source": "upload", "basename": "t.fits"}]

    with pytest.raises(BadInput, match=r"^t\.fits holds no image that can be read; leave it out\.$"):
        bench.run("Median", {FILES: items})


def test_one_frame_is_refused_before_anything_is_queued(bench: Bench) -> None:
    with pytest.raises(BadInput, match="Input Files needs at least 2 files, not 1"):
        bench.run("Median", {FILES: [bench.save("a.fits", noise((30, 30)))]})


def test_a_frame_of_nothing_but_nan_gives_bad_pixels(bench: Bench) -> None:
    nothing = np.full((30, 30), np.nan, dtype="f4")
    items = [bench.save("a.fits", nothing), bench.save("b.fits", nothing)]

    outcome = bench.run("Median", {FILES: items})

    assert np.isnan(pixels(outcome)).all()
    assert pixels(outcome, name="BPM").all()


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("after", [0.01, 0.3, 0.7])
def test_a_run_stops_at_the_next_checkpoint(bench: Bench, name: str, after: float) -> None:
    items = [bench.save(f"{n}.fits", noise((30, 30), n), **wcs_cards((30, 30))) for n in range(4)]
    work = bench.work()
    stopping = Alone(work.folder, stop=lambda: stopping.fraction >= after)

    with pytest.raises(Cancelled):
        bench.run(name, inputs(bench, name, *items), stopping)

    assert stopping.fraction < 1


def test_projecting_stops_between_bands_of_one_frame(bench: Bench) -> None:
    shape = (400, 300)
    items = [bench.save(f"{n}.fits", noise(shape, n), **wcs_cards(shape, angle=n)) for n in range(2)]
    work = bench.work()
    told: list[float] = []

    class Counting(Alone):
        def report(self, fraction: float, phase: str, message: str = "") -> None:
            told.append(fraction) if phase == "projecting" else None
            super().report(fraction, phase, message)

    bench.run("Stacking", {FILES: items, "stacking_mode": "reproject"}, Counting(work.folder))

    assert len(told) > 4
    assert told == sorted(told)


@pytest.mark.parametrize("name", TWO)
def test_progress_goes_forwards_to_the_end(bench: Bench, name: str) -> None:
    items = [bench.save(f"{n}.fits", noise((30, 30), n)) for n in range(3)]
    told: list[float] = []

    class Counting(Alone):
        def report(self, fraction: float, phase: str, message: str = "") -> None:
            told.append(fraction)
            super().report(fraction, phase, message)

    bench.run(name, inputs(bench, name, *items), Counting(bench.work().folder))

    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_every_operation_on_images_is_tried_here() -> None:
    assert set(TWO) == set(available()) - {"Light Curve", "Variable Star"}
