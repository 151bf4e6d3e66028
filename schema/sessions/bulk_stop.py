"""Sessions that are stopped together."""

from typing import Annotated

import strawberry

from core.errors import NotFound
from models.accounts.roles import Operation, Resource
from models.sessions import sessions as table
from resolvers.sessions import sessions as resolve
from schema.context import Info, shown
from schema.execution.query_cost import Cost
from schema.graphql.bulk import ErrorPolicy, Policy, bounded
from schema.graphql.errors import Payload, UserError, reported, user_error
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.sessions import Session

SessionIds = Annotated[list[strawberry.ID], strawberry.argument(description="The sessions, 1 to 100.")]


@strawberry.type(description="What became of one of the sessions that were to be stopped.")
class SessionStopResult:
    """A session, or why not."""

    id: strawberry.ID = public(description="The id that was given.")
    session: Session | None = public(description="The session as it is now; null when it cannot be seen.")
    errors: list[UserError] = public(description="Why it was not stopped; empty when it was.")


@strawberry.type(description="The answer to sessionsStop.")
class SessionsStopPayload(Payload):
    """A result for each."""

    results: list[SessionStopResult] = public(
        description="One for each id, in their order, each id once.", default_factory=list, directives=[Cost(size=100)]
    )


def _key(text: str) -> int | NotFound:
    try:
        return decode_as("Session", text, path=("ids",))
    except NotFound as error:
        return error


def _stop_result(text: str, end: resolve.Stopped) -> SessionStopResult:
    if isinstance(end, table.Session):
        return SessionStopResult(id=strawberry.ID(text), session=shown(end), errors=[])
    return SessionStopResult(id=strawberry.ID(text), session=None, errors=[user_error(end)])


@strawberry.type(description="Changes of many sessions.")
class StoppingMutations:
    """Root fields."""

    @requires(
        Resource.SESSION,
        Operation.EDIT,
        description="Stop up to 100 sessions, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(SessionsStopPayload)
    async def sessions_stop(
        self, info: Info, ids: SessionIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> SessionsStopPayload | None:
        """Stop many sessions."""
        once = bounded(ids)
        keys = [_key(each) for each in once]
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        ends = await resolve.stop_many(info.context.caller, keys, all_or_none=rejects)
        return SessionsStopPayload(results=[_stop_result(*each) for each in zip(once, ends, strict=True)])
