"""Misbehaving operations of an installed package: slow, uncancellable, fragile, memory-hungry, broken."""

import gzip
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from core.errors import BadInput
from operations.framework.context import OperationContext
from operations.framework.errors import OperationInterrupted
from operations.framework.inputs import FilesInput, FloatInput, StringInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, Output, OutputKind, RunInputs

FILES = FilesInput(name="Files", description="Any files.", required=False, minimum=0)


class _Simple(BaseDataOperation):
    """Base class with the common inputs."""

    inputs = {
        "input_files": FILES,
        "seconds": FloatInput(name="Seconds", description="How long.", default=30.0),
        "mark": StringInput(
            name="Mark", description="Makes a key of its own; a path where marks are left.", default=""
        ),
    }

    def estimate(self, inputs: RunInputs) -> Estimate:
        return Estimate(1 << 20, inputs.number("seconds"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        return f"# {self.name} makes {stem}\n"

    def outcome(self, work: OperationContext, text: str = "made") -> OperationOutcome:
        path = work.folder / "made.fits"
        path.write_text(text)
        return OperationOutcome((Output(path, OutputKind.FITS),), {"text": text}, ())


class Slow(_Simple):
    """Waits until its time is over, it is cancelled, or the file at `mark` exists."""

    name, description = "Slow", "Waits."

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        until = time.monotonic() + inputs.number("seconds")
        mark = Path(inputs.text("mark") or "/nowhere")
        while time.monotonic() < until and not mark.exists():
            time.sleep(0.01)
            work.report(1 - (until - time.monotonic()) / inputs.number("seconds"), "waiting", "still")
        work.log("waited")
        return self.outcome(work, "waited")


class Stubborn(_Simple):
    """Never checks for cancellation."""

    name, description = "Stubborn", "Does not listen."

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        work.report(0.1, "deaf")
        time.sleep(inputs.number("seconds"))
        return self.outcome(work)


class Fragile(_Simple):
    """Kills its process, or is interrupted, until it has written `seconds` marks."""

    name, description = "Fragile", "Breaks."

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        mark = Path(inputs.text("mark"))
        tries = int(mark.read_text() if mark.exists() else "0") + 1
        mark.write_text(str(tries))
        if tries <= inputs.number("seconds"):
            if mark.suffix == ".kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OperationInterrupted("The wind blew.")
        return self.outcome(work)


class Greedy(_Simple):
    """Allocates more memory than its limit, or estimates that it will."""

    name, description = "Greedy", "Eats memory."

    def estimate(self, inputs: RunInputs) -> Estimate:
        return Estimate(1 << 50 if inputs.text("mark") == "honest" else 1, 1.0)

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        hoard = [bytearray(1 << 26) for _ in range(1 << 12)]
        return self.outcome(work, str(len(hoard)))


class Broken(_Simple):
    """Has a bug."""

    name, description = "Broken", "Has a bug."

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        raise ZeroDivisionError("a secret path: /etc/shadow")


class Gossip(_Simple):
    """Writes all it knows of its files into every output, and a line to `mark` for each run.

    With 13 seconds it reports its last file as damaged; with more it waits until the file `mark`.go exists.
    """

    name, description = "Gossip", "Tells what its files are called."

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        frames, mark = inputs.frames("input_files"), Path(inputs.text("mark"))
        with mark.open("a") as runs:
            runs.write("run\n")
        if inputs.number("seconds") == 13:
            raise BadInput(f"{frames[-1].basename} is damaged.")
        for frame in frames:
            work.log(f"heard of {frame.basename} of {frame.source!r}, {dict(frame.parameters)}")
        while inputs.number("seconds") > 13 and not mark.with_suffix(".go").exists():
            time.sleep(0.01)
            work.report(0.5, f"on {frames[0].basename}", f"reading {frames[0].basename}")
        data: dict[str, Any] = {
            "known": [repr(frame) for frame in frames],
            "by_name": {frame.basename: frame.sha256 for frame in frames},
            "excluded_images": [frame.basename for frame in frames],
        }
        outputs = tuple(Output(path, OutputKind.TABLE) for path in self._files(work.folder, data, frames[0].basename))
        return OperationOutcome(outputs, data, tuple(f"{frame.basename} is odd." for frame in frames))

    def _files(self, folder: Path, data: dict[str, Any], first: str) -> list[Path]:
        plain, packed = folder / f"{first}.json", folder / "gossip.json.gz"
        plain.write_text(json.dumps(data))
        packed.write_bytes(gzip.compress(json.dumps(data).encode()))
        return [plain, packed]


class Numbers(_Simple):
    """Returns numbers that JSON does not have."""

    name, description = "Numbers", "Gives NaN."

    def operate(self, inputs: RunInputs, work: OperationContext) -> OperationOutcome:
        data: Any = {"nan": float("nan"), "infinite": [float("inf"), 1.0]}
        return OperationOutcome((), data, ("One value is none.",))
