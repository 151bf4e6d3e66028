"""A run tells its progress forwards only, and stops at a checkpoint."""

from pathlib import Path

import pytest

from operations.framework.context import Alone, Stage
from operations.framework.errors import Cancelled
from operations.framework.outcome import Output, OutputKind


def test_progress_never_goes_back(tmp_path: Path) -> None:
    work = Alone(tmp_path)
    told = []
    for fraction in (0.2, 0.1, 0.9, 7.0):
        work.report(fraction, "reading")
        told.append(work.fraction)

    assert told == [0.2, 0.2, 0.9, 1.0]
    assert work.phases == ["reading"]


def test_a_stage_is_a_stretch_of_the_whole(tmp_path: Path) -> None:
    work = Alone(tmp_path)
    Stage(work, "reading", 0.2, 0.6).part(1, 2).report(0.5)

    assert work.fraction == pytest.approx(0.5)


def test_a_run_that_is_asked_to_stop_stops_at_the_next_report(tmp_path: Path) -> None:
    asked: list[bool] = []
    work = Alone(tmp_path, stop=lambda: bool(asked))
    stage = Stage(work, "reading", 0, 1)
    asked.append(True)

    with pytest.raises(Cancelled):
        stage.report(0.5)


def test_what_is_said_and_published_is_kept(tmp_path: Path) -> None:
    work = Alone(tmp_path)
    output = Output(tmp_path / "a.fits", OutputKind.FITS, 0)
    work.log("hello")
    work.publish(output)

    assert (work.lines, work.published) == (["hello"], [output])
