"""Errors that callers see: one class per consequence, each with a stable code and a sentence.

The first line of a class's docstring is its default message.
"""

from typing import ClassVar


class CarrelError(Exception):
    """Internal error; the log has the cause."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        """Set the message; the default is the first line of the class's docstring."""
        self.message = message or (type(self).__doc__ or "").split("\n", 1)[0]
        super().__init__(self.message)


class Unauthenticated(CarrelError):
    """Sign in first, or send a valid token."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(CarrelError):
    """You are not allowed to do that."""

    code = "FORBIDDEN"
    status = 403


class NotFound(CarrelError):
    """There is no such thing, or you may not see it."""

    code = "NOT_FOUND"
    status = 404


class BadInput(CarrelError):
    """The input is not valid."""

    code = "BAD_USER_INPUT"
    status = 400

    def __init__(self, message: str | None = None, *, path: tuple[str, ...] = ()) -> None:
        """Set the message and the path of the input field."""
        super().__init__(message)
        self.path = path


class Conflict(CarrelError):
    """It has changed since you read it; read it again."""

    code = "CONFLICT"
    status = 409


class CostLimit(CarrelError):
    """The query is too large; request less at once."""

    code = "COST_LIMIT"
    status = 400


class RateLimited(CarrelError):
    """Too many requests; wait a moment."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        """Set the message and the number of seconds to wait."""
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(CarrelError):
    """A required service does not answer; try again later."""

    code = "UNAVAILABLE"
    status = 503


class EngineError(CarrelError):
    """The container engine could not do that."""

    code = "ENGINE"
    status = 502
