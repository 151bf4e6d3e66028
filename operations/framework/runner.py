"""One run of an operation, synchronous, as a worker process of a pool calls it."""

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from operations.framework.context import Work
from operations.framework.errors import OperationInterrupted
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Frame, Given, Outcome
from operations.framework.registry import find


def run(name: str, version: int, given: Given, work: Work) -> Outcome:
    """Run the operation on its inputs and return what it made.

    Raises BadInput and OperationFailed with one sentence, OperationInterrupted for what is worth another attempt (also
    when this process has another version of the operation than was asked for), Cancelled when asked to stop.
    """
    operation = find(name)
    if operation.version != version:
        have = operation.version
        raise OperationInterrupted(f"Version {version} of {name} was asked for and this worker has {have}; update it.")
    try:
        with _all_there(given):
            return operation().operate(given, work)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OperationInterrupted(f"{name} found no room on the scratch disk; make some and try again.") from error
    except MemoryError as error:
        raise OperationInterrupted(f"{name} ran out of memory; try again, or with fewer files.") from error


def estimate(name: str, given: Given) -> Estimate:
    """Return what a run will take, from the headers of its files."""
    with _all_there(given):
        return find(name)().estimate(given)


@contextmanager
def _all_there(given: Given) -> Iterator[None]:
    """Say which of the given files has vanished, wherever an operation finds that out."""
    try:
        yield
    except FileNotFoundError as error:
        names = {str(frame.path): frame.basename for frame in given.all_frames()}
        if (basename := names.get(str(error.filename))) is None:
            raise
        raise OperationInterrupted(f"{basename} is no longer where it was; start the operation again.") from error


def given_inputs(
    operation: type[BaseDataOperation], inputs: Mapping[str, Any], fetch: Callable[[Mapping[str, Any]], Frame]
) -> Given:
    """Return canonical inputs as a run takes them, every file item replaced by the frame that `fetch` gives for it."""
    files = {key for key, kind in operation.inputs.items() if isinstance(kind, FilesInput)}
    return Given(
        {key: tuple(fetch(item) for item in value) if key in files else value for key, value in inputs.items()}
    )
