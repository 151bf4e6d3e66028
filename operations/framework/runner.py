"""Synchronous runs and estimates of operations, called by the worker processes."""

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from operations.framework.context import OperationContext
from operations.framework.errors import OperationInterrupted
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Frame, OperationOutcome, RunInputs
from operations.framework.registry import find


def run(name: str, version: int, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
    """Run the operation on its inputs and return its outcome.

    Raises BadInput and OperationFailed with one sentence, OperationInterrupted if a retry may succeed, and Cancelled.
    A run of another version than this process has is interrupted, so that an up-to-date worker can retry it.
    """
    operation = find(name)
    if operation.version != version:
        raise OperationInterrupted(
            f"The run needs version {version} of {name}, and this worker has version {operation.version}. "
            "Update the worker."
        )
    try:
        with _missing_files_explained(inputs):
            return operation().operate(inputs, context)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OperationInterrupted(f"{name} ran out of scratch disk. Free some space and try again.") from error
    except MemoryError as error:
        raise OperationInterrupted(f"{name} ran out of memory. Try again, or use fewer files.") from error


def estimate(name: str, inputs: RunInputs) -> Estimate:
    """Return the memory and time of a run, from the headers of its files."""
    with _missing_files_explained(inputs):
        return find(name)().estimate(inputs)


@contextmanager
def _missing_files_explained(inputs: RunInputs) -> Iterator[None]:
    # A file can be deleted at any moment of a run, so every FileNotFoundError is translated here.
    try:
        yield
    except FileNotFoundError as error:
        names = {str(frame.path): frame.basename for frame in inputs.all_frames()}
        if (basename := names.get(str(error.filename))) is None:
            raise
        raise OperationInterrupted(f"{basename} was removed during the run. Start the operation again.") from error


def build_run_inputs(
    operation: type[BaseDataOperation], inputs: Mapping[str, Any], fetch: Callable[[Mapping[str, Any]], Frame]
) -> RunInputs:
    """Return canonical inputs as a run receives them: `fetch` replaces every file item by its frame."""
    files = {key for key, declared in operation.inputs.items() if isinstance(declared, FilesInput)}
    return RunInputs(
        {key: tuple(fetch(item) for item in value) if key in files else value for key, value in inputs.items()}
    )
