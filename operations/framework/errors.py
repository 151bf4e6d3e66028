"""The exceptions that end an operation without a result: failed, interrupted or cancelled."""

from core.errors import BadInput, CarrelError


class OperationFailed(CarrelError):
    """The operation cannot produce a result from these inputs; a retry would fail in the same way."""

    code = "OPERATION_FAILED"
    status = 422


class OperationInterrupted(OperationFailed):
    """An external cause stopped the operation; a retry may succeed."""


class Cancelled(Exception):
    """The run was cancelled."""


def is_permanent(error: BaseException) -> bool:
    """Return whether the same inputs would fail in the same way again; false for interruptions and for bugs."""
    return isinstance(error, BadInput | OperationFailed) and not isinstance(error, OperationInterrupted)
