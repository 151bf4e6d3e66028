"""The bulk mutation that stops sessions."""

from typing import Annotated

import strawberry

from core.errors import NotFound
from models.accounts.roles import PermissionVerb, Resource
from models.sessions import sessions as table
from resolvers.sessions import sessions as resolve
from schema.context import Info, as_graphql
from schema.execution.query_cost import Cost
from schema.graphql.bulk import MAX_ROWS, ErrorPolicy, Policy, distinct_batch
from schema.graphql.errors import Payload, UserError, errors_in_payload, user_error
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.sessions import Session

SessionIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"The sessions, 1 to {MAX_ROWS}.")]


@strawberry.type(description="The result of stopping one session.")
class SessionStopResult:
    """A session with its errors."""

    id: strawberry.ID = public(description="The given ID.")
    session: Session | None = public(description="The current session. Null if the caller cannot see it.")
    errors: list[UserError] = public(description="The errors. Empty if the session was stopped.")


@strawberry.type(description="The payload of sessionsStop.")
class SessionsStopPayload(Payload):
    """One result for each object."""

    results: list[SessionStopResult] = public(
        description="One result for each ID, in the given order, without duplicates.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


def _key(text: str) -> int | NotFound:
    try:
        return decode_as("Session", text, path=("ids",))
    except NotFound as error:
        return error


def _stop_result(text: str, outcome: resolve.StopResult) -> SessionStopResult:
    if isinstance(outcome, table.Session):
        return SessionStopResult(id=strawberry.ID(text), session=as_graphql(outcome), errors=[])
    return SessionStopResult(id=strawberry.ID(text), session=None, errors=[user_error(outcome)])


@strawberry.type(description="Mutations of many sessions.")
class BulkStopMutations:
    """Root fields."""

    @requires(
        Resource.SESSION,
        PermissionVerb.EDIT,
        description=f"Stop up to {MAX_ROWS} sessions, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(SessionsStopPayload)
    async def sessions_stop(
        self, info: Info, ids: SessionIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> SessionsStopPayload | None:
        """Stop many sessions."""
        distinct = distinct_batch(ids)
        keys = [_key(each) for each in distinct]
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        outcomes = await resolve.stop_many(info.context.caller, keys, all_or_none=all_or_none)
        return SessionsStopPayload(results=[_stop_result(*each) for each in zip(distinct, outcomes, strict=True)])
