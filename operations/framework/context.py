"""The context of a run: its scratch folder, progress reports, log lines and cancellation.

Operations receive an OperationContext. The worker process implements it over a pipe, LocalContext in memory.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from operations.framework.errors import Cancelled
from operations.framework.outcome import Output


class OperationContext(Protocol):
    """The interface that a running operation reports through; call it only from the thread that runs the operation."""

    @property
    def folder(self) -> Path:
        """Return the scratch folder of this run; the operation writes its results into it."""

    def report(self, fraction: float, phase: str, message: str = "") -> None:
        """Report the progress of the run from 0 to 1, never decreasing; this is a checkpoint as well."""

    def checkpoint(self) -> None:
        """Raise Cancelled if the run was cancelled or has exceeded its time limit."""

    def log(self, line: str) -> None:
        """Add a line to the log of the run."""

    def publish(self, output: Output) -> None:
        """Publish an output before the run ends."""


class LocalContext:
    """An in-memory context for scripts and tests: it records every report, and cancels when `stop` returns true."""

    def __init__(self, folder: Path, stop: Callable[[], bool] | None = None) -> None:
        """Use `folder` as the scratch folder."""
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
        """Record the largest fraction and the phases in order."""
        self.checkpoint()
        self.fraction = max(self.fraction, min(fraction, 1.0))
        if phase not in self.phases[-1:]:
            self.phases.append(phase)

    def checkpoint(self) -> None:
        """Raise Cancelled if `stop` returns true."""
        if self._stop is not None and self._stop():
            raise Cancelled

    def log(self, line: str) -> None:
        """Record the line."""
        self.lines.append(line)

    def publish(self, output: Output) -> None:
        """Record the output."""
        self.published.append(output)


class SubProgress:
    """The progress of one phase: a fraction from 0 to 1 is reported as one from `start` to `end` of the whole run."""

    def __init__(self, context: OperationContext, phase: str, start: float, end: float) -> None:
        """Begin the phase and report its start."""
        self._context, self._phase, self._start, self._span = context, phase, start, end - start
        context.report(start, phase)

    def report(self, fraction: float, message: str = "") -> None:
        """Report the progress of the phase from 0 to 1; this is a checkpoint as well."""
        self._context.report(self._start + self._span * fraction, self._phase, message)

    def checkpoint(self) -> None:
        """Raise Cancelled if the run was cancelled."""
        self._context.checkpoint()

    def part(self, index: int, count: int) -> "SubProgress":
        """Return the progress of part `index` of `count` equal parts."""
        width = self._span / max(count, 1)
        return SubProgress(self._context, self._phase, self._start + index * width, self._start + (index + 1) * width)
