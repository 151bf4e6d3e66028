"""How an operation ends when it does not succeed: failed for good, interrupted, or cancelled."""

from core.errors import BadInput, CarrelError


class OperationFailed(CarrelError):
    """The operation cannot give a result from these inputs; trying again gives the same."""

    code = "OPERATION_FAILED"
    status = 422


class OperationInterrupted(OperationFailed):
    """Something outside the operation got in its way; try again."""


class Cancelled(Exception):
    """The operation was asked to stop."""


def final(error: BaseException) -> bool:
    """Would the same inputs fail in the same way again? False for what is worth another attempt, and for bugs."""
    return isinstance(error, BadInput | OperationFailed) and not isinstance(error, OperationInterrupted)
