"""How errors reach a client: what a user can fix in the payload, all else in `errors` with a code and a trace id."""

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
from schema.graphql.enums import expose
from schema.graphql.permissions import public

log = logging.getLogger("carrel.graphql")
P = ParamSpec("P")
T = TypeVar("T")
MASK = "Something went wrong on our side; the log has the cause under the trace id."
TOO_LONG = "Parsing aborted"
"""How graphql-core says that a document has too many tokens."""
USER_CAN_FIX = (BadInput, NotFound, Conflict)


class Code(StrEnum):
    """The closed list of `extensions.code`."""

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
    """What a user can fix."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"


expose(
    UserErrorCode,
    "What went wrong with a mutation, for programs.",
    {
        UserErrorCode.BAD_USER_INPUT: "The input is not valid; change the value at the path.",
        UserErrorCode.NOT_FOUND: "The id at the path is of nothing that you can see.",
        UserErrorCode.CONFLICT: "The object's present state does not allow it; read it again.",
        UserErrorCode.FORBIDDEN: "You see this row of many and may not do that to it; leave it out.",
    },
)


@strawberry.interface(description="Something about a mutation that its user can put right.")
class UserError:
    """One fault of a mutation's input or of the moment it came."""

    message: str = public(description="What happened and what to do, for people; the wording may change.")
    code: UserErrorCode = public(description="What happened, for programs; it does not change.")
    path: list[str] | None = public(description="The input field it is about, from the argument down.", default=None)


@strawberry.type(description="The input is not valid.")
class InputError(UserError):
    """BAD_USER_INPUT."""


@strawberry.type(description="An id names nothing that the caller can see.")
class NotFoundError(UserError):
    """NOT_FOUND."""


@strawberry.type(description="The object's present state does not allow the change.")
class ConflictError(UserError):
    """CONFLICT."""


@strawberry.type(description="The caller may not do that to this row of many.")
class ForbiddenError(UserError):
    """FORBIDDEN."""


@strawberry.type(description="What a mutation answers.")
class Payload:
    """The base of every payload: a subclass adds nullable fields with the default None."""

    errors: list[UserError] = public(
        description="What the user can put right; empty when the mutation was done.", default_factory=list
    )


Shown = TypeVar("Shown", bound=Payload)


def reported(
    payload: type[Shown],
) -> Callable[[Callable[P, Awaitable[Shown | None]]], Callable[P, Awaitable[Shown | None]]]:
    """Decorate a mutation's resolver: what its user can fix is answered in `payload.errors`, all else is raised."""

    def decorate(resolver: Callable[P, Awaitable[Shown | None]]) -> Callable[P, Awaitable[Shown | None]]:
        @wraps(resolver)
        async def run(*args: P.args, **kwargs: P.kwargs) -> Shown | None:
            try:
                return await resolver(*args, **kwargs)
            except USER_CAN_FIX as error:
                return payload(errors=[user_error(error)])

        return run

    return decorate


KINDS: Mapping[str, type[UserError]] = {
    BadInput.code: InputError,
    NotFound.code: NotFoundError,
    Conflict.code: ConflictError,
    Forbidden.code: ForbiddenError,
}


def user_error(error: BadInput | NotFound | Conflict | Forbidden) -> UserError:
    """Return the payload error for an error of the domain."""
    kind = KINDS[error.code]
    path = list(getattr(error, "path", ())) or None
    return kind(message=error.message, code=UserErrorCode(error.code), path=path)


def code_of(error: GraphQLError) -> Code:
    """Return the code of an error, out of the closed list."""
    cause = root_cause(error)
    if isinstance(cause, CarrelError):
        return Code(cause.code)
    if isinstance(cause, GraphQLSyntaxError):
        return Code.COST_LIMIT if TOO_LONG in cause.message else Code.GRAPHQL_PARSE_FAILED
    if isinstance(cause, MissingQueryError | CannotGetOperationTypeError | InvalidOperationTypeError):
        return Code.BAD_USER_INPUT
    return _code_of_the_library(error, cause)


def _code_of_the_library(error: GraphQLError, cause: BaseException) -> Code:
    if not isinstance(cause, GraphQLError):
        return Code.INTERNAL
    if given := (cause.extensions or {}).get("code"):
        return Code(given)
    if error.path is None:
        return Code.BAD_USER_INPUT
    # While a value is executed graphql-core blames a node only for arguments; a result it cannot show is our fault.
    return Code.BAD_USER_INPUT if cause is not error and cause.nodes else Code.INTERNAL


def root_cause(error: GraphQLError) -> BaseException:
    """Return the innermost error that `error` was made from; itself when it came first."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def shown(error: GraphQLError, trace_id: str) -> GraphQLError:
    """Return `error` as the client sees it: a code and a trace id always, and no word of what is not ours."""
    code, cause = code_of(error), root_cause(error)
    extensions: dict[str, Any] = {"code": code.value, "traceId": trace_id}
    if isinstance(cause, CarrelError) and (path := getattr(cause, "path", ())):
        extensions["inputPath"] = list(path)
    if isinstance(cause, RateLimited):
        extensions["retryAfter"] = cause.retry_after
    masked = code is Code.INTERNAL and not isinstance(cause, CarrelError)
    return GraphQLError(
        MASK if masked else error.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=None if masked else error.original_error,
        extensions=extensions,
    )


def report(error: GraphQLError, trace_id: str) -> None:
    """Log one error: an expected one as a line, an unexpected one with its traceback."""
    code, cause = code_of(error), root_cause(error)
    where = ".".join(map(str, error.path or ()))
    if code is Code.INTERNAL:
        log.error("%s at %s [%s]", cause, where or "the request", trace_id, exc_info=cause)
    else:
        log.info("%s at %s: %s [%s]", code.value, where or "the request", error.message, trace_id)


def new_trace_id() -> str:
    """Return a fresh trace id of 32 hexadecimal digits, as W3C trace contexts have."""
    return token_hex(16)


def treated(errors: Sequence[GraphQLError], trace_id: str) -> list[GraphQLError]:
    """Log and show `errors`; refusals of one field for many rows are said once."""
    told: set[str] = set()
    answer: list[GraphQLError] = []
    for error in errors:
        refused = getattr(root_cause(error), "field", None)
        if refused is None or refused not in told:
            report(error, trace_id)
            answer.append(shown(error, trace_id))
        told |= {refused} if refused else set()
    return answer
