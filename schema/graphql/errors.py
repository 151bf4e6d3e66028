"""GraphQL errors: user errors go into the payload, all others into `errors` with a code and a trace ID."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from functools import wraps
from secrets import token_hex
from typing import Any, ParamSpec, TypeVar

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from core.errors import BadInput, CarrelError, Conflict, Forbidden, NotFound, RateLimited
from schema.graphql.enums import graphql_enum
from schema.graphql.permissions import public

log = logging.getLogger("carrel.graphql")
P = ParamSpec("P")
T = TypeVar("T")
INTERNAL_MESSAGE = "Internal error. The server log has the cause under the trace ID."
TOO_MANY_TOKENS = "Parsing aborted"
"""The start of graphql-core's message for a document with too many tokens."""
USER_ERRORS = (BadInput, NotFound, Conflict)


class ErrorCode(StrEnum):
    """The values of `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    COST_LIMIT = "COST_LIMIT"
    RATE_LIMITED = "RATE_LIMITED"
    CONFLICT = "CONFLICT"
    UNAVAILABLE = "UNAVAILABLE"
    ENGINE = "ENGINE"
    INTERNAL = "INTERNAL"


class UserErrorCode(StrEnum):
    """The codes of errors that a user can fix."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"


graphql_enum(
    UserErrorCode,
    "A machine-readable code of a mutation error.",
    {
        UserErrorCode.BAD_USER_INPUT: "The input is invalid. Change the value at `path`.",
        UserErrorCode.NOT_FOUND: "The ID at `path` does not exist or you cannot see the object.",
        UserErrorCode.CONFLICT: "The current state of the object does not allow the change. Read it again.",
        UserErrorCode.FORBIDDEN: "You can see this object but may not change it. Leave it out of the bulk mutation.",
    },
)


@strawberry.interface(description="A mutation error that the user can fix.")
class UserError:
    """An error in a mutation's input, or a conflict with the current state."""

    message: str = public(description="A message for people: what happened and what to do. The wording may change.")
    code: UserErrorCode = public(description="A stable code for programs.")
    path: list[str] | None = public(
        description="The path of the input field, starting with the argument.", default=None
    )


@strawberry.type(description="The input is invalid.")
class InputError(UserError):
    """BAD_USER_INPUT."""


@strawberry.type(description="The object does not exist or the caller cannot see it.")
class NotFoundError(UserError):
    """NOT_FOUND."""


@strawberry.type(description="The current state of the object does not allow the change.")
class ConflictError(UserError):
    """CONFLICT."""


@strawberry.type(description="The caller may not change this object of a bulk mutation.")
class ForbiddenError(UserError):
    """FORBIDDEN."""


@strawberry.type(description="The payload of a mutation.")
class Payload:
    """The base of every payload: a subclass adds nullable fields with the default None."""

    errors: list[UserError] = public(
        description="The errors that the user can fix. Empty on success.", default_factory=list
    )


PayloadT = TypeVar("PayloadT", bound=Payload)


def errors_in_payload(
    payload: type[PayloadT],
) -> Callable[[Callable[P, Awaitable[PayloadT | None]]], Callable[P, Awaitable[PayloadT | None]]]:
    """Decorate a mutation resolver: return user errors in `payload.errors` and raise all others."""

    def decorate(resolver: Callable[P, Awaitable[PayloadT | None]]) -> Callable[P, Awaitable[PayloadT | None]]:
        @wraps(resolver)
        async def run(*args: P.args, **kwargs: P.kwargs) -> PayloadT | None:
            try:
                return await resolver(*args, **kwargs)
            except USER_ERRORS as error:
                return payload(errors=[user_error(error)])

        return run

    return decorate


ERROR_TYPES: Mapping[str, type[UserError]] = {
    BadInput.code: InputError,
    NotFound.code: NotFoundError,
    Conflict.code: ConflictError,
    Forbidden.code: ForbiddenError,
}


def user_error(error: BadInput | NotFound | Conflict | Forbidden) -> UserError:
    """Return the payload error for a domain error."""
    kind = ERROR_TYPES[error.code]
    path = list(getattr(error, "path", ())) or None
    return kind(message=error.message, code=UserErrorCode(error.code), path=path)


def error_code(error: GraphQLError) -> ErrorCode:
    """Return the code of an error."""
    cause = root_cause(error)
    if isinstance(cause, CarrelError):
        return ErrorCode(cause.code)
    if isinstance(cause, GraphQLSyntaxError):
        return ErrorCode.COST_LIMIT if TOO_MANY_TOKENS in cause.message else ErrorCode.GRAPHQL_PARSE_FAILED
    if isinstance(cause, MissingQueryError | CannotGetOperationTypeError | InvalidOperationTypeError):
        return ErrorCode.BAD_USER_INPUT
    return _library_error_code(error, cause)


def _library_error_code(error: GraphQLError, cause: BaseException) -> ErrorCode:
    if not isinstance(cause, GraphQLError):
        return ErrorCode.INTERNAL
    if code := (cause.extensions or {}).get("code"):
        return ErrorCode(code)
    if error.path is None:
        return ErrorCode.BAD_USER_INPUT
    # During execution graphql-core sets nodes only for invalid arguments; a result it cannot serialize is internal.
    return ErrorCode.BAD_USER_INPUT if cause is not error and cause.nodes else ErrorCode.INTERNAL


def root_cause(error: GraphQLError) -> BaseException:
    """Return the innermost original error of `error`, or `error` itself."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def client_error(error: GraphQLError, trace_id: str) -> GraphQLError:
    """Return the error to send: always with a code and a trace ID; internal errors get a generic message."""
    code, cause = error_code(error), root_cause(error)
    extensions: dict[str, Any] = {"code": code.value, "traceId": trace_id}
    if isinstance(cause, CarrelError) and (path := getattr(cause, "path", ())):
        extensions["inputPath"] = list(path)
    if isinstance(cause, RateLimited):
        extensions["retryAfter"] = cause.retry_after
    masked = code is ErrorCode.INTERNAL and not isinstance(cause, CarrelError)
    return GraphQLError(
        INTERNAL_MESSAGE if masked else error.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=None if masked else error.original_error,
        extensions=extensions,
    )


def log_error(error: GraphQLError, trace_id: str) -> None:
    """Log an error: expected ones as one line, internal ones with the traceback."""
    code, cause = error_code(error), root_cause(error)
    where = ".".join(map(str, error.path or ()))
    if code is ErrorCode.INTERNAL:
        log.error("%s at %s [%s]", cause, where or "the request", trace_id, exc_info=cause)
    else:
        log.info("%s at %s: %s [%s]", code.value, where or "the request", error.message, trace_id)


def new_trace_id() -> str:
    """Return a new W3C trace ID of 32 hexadecimal digits."""
    return token_hex(16)


def log_and_mask(errors: Sequence[GraphQLError], trace_id: str) -> list[GraphQLError]:
    """Log `errors` and return those to send. A field refused for many rows is reported once."""
    reported: set[str] = set()
    client_errors: list[GraphQLError] = []
    for error in errors:
        refused_field = getattr(root_cause(error), "field", None)
        if refused_field is None or refused_field not in reported:
            log_error(error, trace_id)
            client_errors.append(client_error(error, trace_id))
        reported |= {refused_field} if refused_field else set()
    return client_errors
