"""The process that computes: `python -m jobs.data.operation_process MIB`, orders and answers as lines of JSON.

It holds no secrets and no connections. Nor does it know what files are called: labels stand for their names, so that
nothing it makes tells a name to somebody else who shares the result. It is told to plan (which answers with key and
estimate), then to compute; while it computes it heeds `cancel`. When its worker is gone its standard input ends, and so
does it, at once.
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
from operations.framework.keys import given_key
from operations.framework.outcome import Frame, Given, Outcome, Output, plain
from operations.framework.registry import find

REPORT_SECONDS = 0.05
Order = Mapping[str, Any]


class Told:
    """The work of one order, as the operation sees it; everything it says goes out as lines."""

    def __init__(self, hand: "Hand", folder: Path, seconds: float) -> None:
        """Work in `folder`, for at most `seconds`."""
        self._hand, self._folder = hand, folder
        self._until = time.monotonic() + seconds
        self._fraction, self._phase, self._said = 0.0, "", 0.0

    @property
    def folder(self) -> Path:
        """The scratch folder of this run."""
        return self._folder

    def report(self, fraction: float, phase: str, message: str = "") -> None:
        """Tell how far the run is, never backwards; also a checkpoint."""
        self.checkpoint()
        self._fraction = max(self._fraction, min(fraction, 1.0))
        at = time.monotonic()
        if phase != self._phase or at - self._said > REPORT_SECONDS:
            self._phase, self._said = phase, at
            self._hand.say(kind="progress", fraction=self._fraction, phase=phase, message=message)

    def checkpoint(self) -> None:
        """Raise Cancelled when the run was asked to stop or is out of time."""
        if self._hand.cancelled.is_set() or time.monotonic() > self._until:
            raise Cancelled

    def log(self, line: str) -> None:
        """Keep a line for whoever reads the log."""
        self._hand.say(kind="log", line=line)

    def publish(self, output: Output) -> None:
        """Tell of a result before the end; it is kept when the run has succeeded."""
        self._hand.say(kind="log", line=f"{output.path.name} is made.")


class Hand:
    """Does one order after the other."""

    def __init__(self, answers: TextIO) -> None:
        """Tell everything to `answers`."""
        self._answers, self._lock = answers, threading.Lock()
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self.cancelled = threading.Event()

    def say(self, **what: Any) -> None:
        """Write one line."""
        with self._lock:
            self._answers.write(json.dumps(what, allow_nan=False) + "\n")
            self._answers.flush()

    def listen(self, orders: TextIO) -> None:
        """Take orders from another thread while the first computes; the end of the worker ends this process."""
        for line in orders:
            order = json.loads(line)
            if order["kind"] == "cancel":
                self.cancelled.set()
            else:
                self._orders.put(order)
        os._exit(0)

    def work(self) -> None:
        """Do orders for ever."""
        self.say(kind="ready")
        while True:
            order = self._orders.get()
            try:
                self._do(order)
            except Cancelled:
                self.say(kind="cancelled")
            except CarrelError as error:
                again = isinstance(error, OperationInterrupted) or error.status >= 500
                self.say(kind="refused", message=error.message, again=again)
            except MemoryError:
                self.say(kind="refused", message="It ran out of the memory that it may use.", again=False)
            except Exception:  # noqa: BLE001 - a bug of an operation is told to the worker, whose log has it
                self.say(kind="crashed", traceback=traceback.format_exc()[-8000:])

    def _do(self, order: Order) -> None:
        if order["kind"] == "hello":
            self.say(kind="ready")
            return
        given = _given(order)
        if order["kind"] == "plan":
            self.cancelled.clear()
            estimate = runner.estimate(order["name"], given)
            key = given_key(find(order["name"]), given)
            self.say(kind="planned", key=key, peak_bytes=int(estimate.peak_bytes), seconds=float(estimate.seconds))
            return
        folder = Path(order["folder"])
        told = Told(self, folder, order["seconds"])
        version: Any = _version(order)
        outcome = runner.run(order["name"], version, given, told)
        self.say(kind="done", **_plain(outcome, folder))


def _given(order: Order) -> Given:
    return Given({key: _value(value) for key, value in order["inputs"].items()})


def _value(value: Any) -> Any:
    if isinstance(value, dict) and "frames" in value:
        return tuple(Frame(Path(f["path"]), f["label"], "", f["sha256"], f["parameters"]) for f in value["frames"])
    return value


def _version(order: Order) -> Any:
    """Return the version that was asked for in the form in which the operation writes its own."""
    own = find(order["name"]).version
    return own if str(own) == order["version"] else order["version"]


def _plain(outcome: Outcome, folder: Path) -> dict[str, Any]:
    """Return the outcome as lines can carry it; the table, which may be long, goes through a file."""
    table = folder / "outcome.json"
    table.write_text(json.dumps(plain(outcome.data), allow_nan=False))
    outputs = [
        {"path": str(output.path), "kind": str(output.kind), "index": output.index} for output in outcome.outputs
    ]
    return {"outputs": outputs, "table": str(table), "warnings": list(outcome.warnings)}


def main() -> None:
    """Compute until the worker is gone."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # What a library prints must not be taken for an answer.
    limit = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    hand = Hand(answers)
    threading.Thread(target=hand.listen, args=(sys.stdin,), daemon=True).start()
    hand.work()


if __name__ == "__main__":
    main()
