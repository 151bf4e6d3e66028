"""Progress never decreases, and a cancelled run stops at a checkpoint."""

from pathlib import Path

import pytest

from operations.framework.context import LocalContext, SubProgress
from operations.framework.errors import Cancelled
from operations.framework.outcome import Output, OutputKind


def test_progress_never_goes_back(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    reported = []
    for fraction in (0.2, 0.1, 0.9, 7.0):
        context.report(fraction, "reading")
        reported.append(context.fraction)

    assert reported == [0.2, 0.2, 0.9, 1.0]
    assert context.phases == ["reading"]


def test_sub_progress_maps_to_the_whole_run(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    SubProgress(context, "reading", 0.2, 0.6).part(1, 2).report(0.5)

    assert context.fraction == pytest.approx(0.5)


def test_cancelled_run_stops_at_the_next_report(tmp_path: Path) -> None:
    asked: list[bool] = []
    context = LocalContext(tmp_path, stop=lambda: bool(asked))
    progress = SubProgress(context, "reading", 0, 1)
    asked.append(True)

    with pytest.raises(Cancelled):
        progress.report(0.5)


def test_log_and_outputs_are_recorded(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    output = Output(tmp_path / "a.fits", OutputKind.FITS, 0)
    context.log("hello")
    context.publish(output)

    assert (context.lines, context.published) == (["hello"], [output])
