"""The errors a caller may see: one class per consequence, each with a stable code and a sentence."""

from typing import ClassVar


class CarrelError(Exception):
    """Something went wrong; the log has the cause."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        """Say `message`; without one, the class's own docstring is the sentence."""
        self.message = message or (type(self).__doc__ or "").split("\n", 1)[0]
        super().__init__(self.message)


class Unauthenticated(CarrelError):
    """Sign in first, or send a valid token."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(CarrelError):
    """You may not do that."""

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
        """Say `message` about the input field at `path`."""
        super().__init__(message)
        self.path = path


class Conflict(CarrelError):
    """It changed meanwhile; read it again."""

    code = "CONFLICT"
    status = 409


class CostLimit(CarrelError):
    """The query is too large; ask for less at once."""

    code = "COST_LIMIT"
    status = 400


class RateLimited(CarrelError):
    """Too many requests; wait a moment."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        """Say `message`; the caller may try again after `retry_after` seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(CarrelError):
    """A service that this needs does not answer; try again later."""

    code = "UNAVAILABLE"
    status = 503


class EngineError(CarrelError):
    """The container engine could not do that."""

    code = "ENGINE"
    status = 502
