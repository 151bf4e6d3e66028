"""The process that computes data operations: `python -m jobs.data.operation_process MIB`, started by ProcessPool.

Commands and replies are lines of JSON: `plan` returns the key and the estimate, `compute` the outcome, and `cancel`
stops a computation. The process has no secrets and no connections, and knows the labels of files but not their names,
so a shared result cannot contain a name. It exits when its standard input ends, which happens when its worker dies.
"""

import json
import os
import queue
import resource
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from core.errors import CarrelError
from operations.framework import runner
from operations.framework.errors import Cancelled, OperationInterrupted
from operations.framework.keys import run_key
from operations.framework.outcome import Frame, OperationOutcome, Output, RunInputs, to_strict_json
from operations.framework.registry import find

REPORT_SECONDS = 0.05
Command = Mapping[str, Any]


class PipeContext:
    """The context of one running operation; sends progress and log lines to the worker."""

    def __init__(self, loop: "CommandLoop", folder: Path, seconds: float) -> None:
        """Let the operation work in `folder` for at most `seconds`."""
        self._loop, self._folder = loop, folder
        self._deadline = time.monotonic() + seconds
        self._fraction, self._phase, self._last_report_at = 0.0, "", 0.0

    @property
    def folder(self) -> Path:
        """The scratch folder of this run."""
        return self._folder

    def report(self, fraction: float, phase: str, message: str = "") -> None:
        """Send the progress, which never decreases; also a checkpoint."""
        self.checkpoint()
        self._fraction = max(self._fraction, min(fraction, 1.0))
        now = time.monotonic()
        if phase != self._phase or now - self._last_report_at > REPORT_SECONDS:
            self._phase, self._last_report_at = phase, now
            self._loop.send(kind="progress", fraction=self._fraction, phase=phase, message=message)

    def checkpoint(self) -> None:
        """Raise Cancelled when the run was cancelled or its time limit passed."""
        if self._loop.cancelled.is_set() or time.monotonic() > self._deadline:
            raise Cancelled

    def log(self, line: str) -> None:
        """Add a line to the log of the operation."""
        self._loop.send(kind="log", line=line)

    def publish(self, output: Output) -> None:
        """Log an output; the worker stores it when the run succeeds."""
        self._loop.send(kind="log", line=f"{output.path.name} was written.")


class CommandLoop:
    """Executes the commands of the worker, one at a time."""

    def __init__(self, output: TextIO) -> None:
        """Write replies to `output`."""
        self._output, self._lock = output, threading.Lock()
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.cancelled = threading.Event()

    def send(self, **message: Any) -> None:
        """Write one message as a line."""
        with self._lock:
            self._output.write(json.dumps(message, allow_nan=False) + "\n")
            self._output.flush()

    def read_commands(self, commands: TextIO) -> None:
        """Read commands on a second thread, while the main thread computes."""
        for line in commands:
            command = json.loads(line)
            if command["kind"] == "cancel":
                self.cancelled.set()
            else:
                self._commands.put(command)
        # Standard input ended, so the worker is gone. sys.exit would only end this thread.
        os._exit(0)

    def run(self) -> None:
        """Execute commands until the process ends."""
        self.send(kind="ready")
        while True:
            command = self._commands.get()
            try:
                self._handle(command)
            except Cancelled:
                self.send(kind="cancelled")
            except CarrelError as error:
                retryable = isinstance(error, OperationInterrupted) or error.status >= 500
                self.send(kind="refused", message=error.message, retryable=retryable)
            except MemoryError:
                self.send(kind="refused", message="It used more memory than its limit.", retryable=False)
            except Exception:  # noqa: BLE001 - a bug of an operation; the worker logs it
                self.send(kind="crashed", traceback=traceback.format_exc()[-8000:])

    def _handle(self, command: Command) -> None:
        if command["kind"] == "hello":
            self.send(kind="ready")
            return
        inputs = _run_inputs(command)
        if command["kind"] == "plan":
            self.cancelled.clear()
            estimate = runner.estimate(command["name"], inputs)
            key = run_key(find(command["name"]), inputs)
            self.send(kind="planned", key=key, peak_bytes=int(estimate.peak_bytes), seconds=float(estimate.seconds))
            return
        folder = Path(command["folder"])
        context = PipeContext(self, folder, command["seconds"])
        version: Any = _version(command)
        outcome = runner.run(command["name"], version, inputs, context)
        self.send(kind="done", **_outcome_to_dict(outcome, folder))


def _run_inputs(command: Command) -> RunInputs:
    return RunInputs({key: _to_input(value) for key, value in command["inputs"].items()})


def _to_input(value: Any) -> Any:
    if isinstance(value, dict) and "frames" in value:
        return tuple(Frame(Path(f["path"]), f["label"], "", f["sha256"], f["parameters"]) for f in value["frames"])
    return value


def _version(command: Command) -> Any:
    # The command has the version as text; the operation compares it with its own type.
    own = find(command["name"]).version
    return own if str(own) == command["version"] else command["version"]


def _outcome_to_dict(outcome: OperationOutcome, folder: Path) -> dict[str, Any]:
    # The table may be longer than a line of the pipe, so it goes through a file.
    table = folder / "outcome.json"
    table.write_text(json.dumps(to_strict_json(outcome.data), allow_nan=False))
    outputs = [
        {"path": str(output.path), "kind": str(output.kind), "index": output.index} for output in outcome.outputs
    ]
    return {"outputs": outputs, "table": str(table), "warnings": list(outcome.warnings)}


def main() -> None:
    """Execute commands until the worker is gone."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # Text that a library prints must not be read as a reply.
    limit = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    loop = CommandLoop(output)
    threading.Thread(target=loop.read_commands, args=(sys.stdin,), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
