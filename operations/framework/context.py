"""The run as the operation sees it: a scratch folder, and somebody who listens and may ask it to stop."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from operations.framework.errors import Cancelled
from operations.framework.outcome import Output


class Work(Protocol):
    """Given to an operation while it runs; every method may be called from the running thread only."""

    @property
    def folder(self) -> Path:
        """Return a scratch folder of this run; results are left in it."""

    def report(self, fraction: float, phase: str, message: str = "") -> None:
        """Tell how far the run is, from 0 to 1 and never backwards; also a checkpoint."""

    def checkpoint(self) -> None:
        """Raise Cancelled when the run was asked to stop or is out of time."""

    def log(self, line: str) -> None:
        """Keep a line for whoever reads the log of the run."""

    def publish(self, output: Output) -> None:
        """Hand over a result before the end."""


class Alone:
    """A run by itself, for scripts and tests: it remembers what it was told, and stops when `stop` says so."""

    def __init__(self, folder: Path, stop: Callable[[], bool] | None = None) -> None:
        """Work in `folder`."""
        self._folder = folder
        self._stop = stop
        self.fraction = 0.0
        self.phases: list[str] = []
        self.lines: list[str] = []
        self.published: list[Output] = []

    @property
    def folder(self) -> Path:
        """Return the scratch folder."""
        return self._folder

    def report(self, fraction: float, phase: str, message: str = "") -> None:  # noqa: ARG002
        """Remember the furthest fraction and the phases in their order."""
        self.checkpoint()
        self.fraction = max(self.fraction, min(fraction, 1.0))
        if phase not in self.phases[-1:]:
            self.phases.append(phase)

    def checkpoint(self) -> None:
        """Raise Cancelled when `stop` says so."""
        if self._stop is not None and self._stop():
            raise Cancelled

    def log(self, line: str) -> None:
        """Remember the line."""
        self.lines.append(line)

    def publish(self, output: Output) -> None:
        """Remember the output."""
        self.published.append(output)


class Stage:
    """A stretch of the whole run: progress within it from 0 to 1 is told as progress from `start` to `end`."""

    def __init__(self, work: Work, phase: str, start: float, end: float) -> None:
        """Begin the stage and tell so."""
        self._work, self._phase, self._start, self._span = work, phase, start, end - start
        work.report(start, phase)

    def report(self, fraction: float, message: str = "") -> None:
        """Tell how far the stage is; also a checkpoint."""
        self._work.report(self._start + self._span * fraction, self._phase, message)

    def checkpoint(self) -> None:
        """Raise Cancelled when the run was asked to stop."""
        self._work.checkpoint()

    def part(self, index: int, count: int) -> "Stage":
        """Return the stretch of one of `count` equal parts."""
        width = self._span / max(count, 1)
        return Stage(self._work, self._phase, self._start + index * width, self._start + (index + 1) * width)
