"""The history as clients see it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts import history as table
from models.accounts.history import ActorKind
from models.accounts.roles import Operation, Resource
from models.permissions.principal import Principal
from models.policies.accounts import history as policy
from models.policies.accounts import users as accounts_users
from resolvers.paging.keyset import Sort, Window
from schema.accounts.rules import type_of
from schema.accounts.users import User
from schema.context import Context, Info
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, EnumFilter, IdFilter, StringFilter, combined, every
from schema.graphql.node import Node, UnknownId, decode, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by

expose(
    ActorKind,
    "Who acted.",
    {
        ActorKind.USER: "A person.",
        ActorKind.DESK: "The container of a session.",
        ActorKind.SERVICE: "Carrel itself.",
        ActorKind.ANONYMOUS: "Somebody without a name.",
    },
)


@strawberry.type(description="One thing that happened to one object.")
class HistoryEntry(Node):
    """Shows an entry."""

    model = table.HistoryEntry
    actor_id: strawberry.Private[int | None]
    resource: Resource = public(description="The sort of object.")
    action: str = public(
        description=(
            "What happened, such as `move` or `sign_in`; for a refusal `session_stop_refused`, or `field_refused` "
            "where `@requires` refused a field, which `cause` names."
        )
    )
    from_state: str | None = public(description="The state before, where it was a move.")
    to_state: str | None = public(description="The state after, where there is one.")
    actor_kind: ActorKind = public(description="Who acted.")
    cause: str = public(description="Why, as one sentence; may be empty.")
    detail: JSON = public(description="Further facts, by name.")
    at: datetime = public(description="When it happened.")
    actor: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="The person who acted; null when the caller may not know.",
        **by("actor_id", "users"),
    )


@readers.register("HistoryEntry")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.HistoryEntry]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.input(description="Conditions on the history; all must hold.")
class HistoryWhere:
    """Conditions."""

    resource: EnumFilter[Resource] | None = strawberry.field(description="On the sort of object.", default=None)
    action: StringFilter | None = strawberry.field(description="On what happened.", default=None)
    actor: IdFilter | None = strawberry.field(description="On the person who acted.", default=None)
    actor_kind: EnumFilter[ActorKind] | None = strawberry.field(description="On who acted.", default=None)
    cause: StringFilter | None = strawberry.field(description="On why it happened.", default=None)
    at: DateTimeFilter | None = strawberry.field(description="On when it happened.", default=None)
    and_: list["HistoryWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["HistoryWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "HistoryWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


class HistoryColumn(StrEnum):
    """Columns that the history can be sorted by."""

    AT = "at"


expose(HistoryColumn, "What the history can be sorted by.", {HistoryColumn.AT: "When it happened."})


@strawberry.input(description="One sort key of the history.")
class HistoryOrder:
    """A column and a direction."""

    field: HistoryColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


def _own(where: HistoryWhere, caller: Principal) -> Q:
    return every(
        where.resource.condition("resource") if where.resource else Q(),
        where.action.condition("action") if where.action else Q(),
        where.actor.condition("actor_id", "User", accounts_users.readable(caller)) if where.actor else Q(),
        where.actor_kind.condition("actor_kind") if where.actor_kind else Q(),
        where.cause.condition("cause") if where.cause else Q(),
        where.at.condition("at") if where.at else Q(),
    )


NOUNS = {type_of(resource): resource for resource in Resource}
"""The nouns by the types that show them."""
Where = Annotated[HistoryWhere | None, strawberry.argument(description="Only entries for which all of this holds.")]
OrderBy = Annotated[list[HistoryOrder] | None, strawberry.argument(description="The order; newest first if not said.")]
Of = Annotated[strawberry.ID | None, strawberry.argument(description="Only what happened to this object.")]


@strawberry.type(description="Reads of the history.")
class HistoryQueries:
    """Root fields."""

    @requires(Resource.HISTORY, Operation.VIEW, description="What happened, newest first.")
    async def history(
        self,
        info: Info,
        of: Of = None,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[HistoryEntry] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller)
        if of is not None:
            kind, key = decode(of)
            if kind not in NOUNS:
                raise UnknownId("This is not the id of anything that has a history.", path=("of",))
            rows = rows.filter(resource=NOUNS[kind], object_id=key)
        caller = info.context.caller
        rows = rows.filter(combined(where, lambda each: _own(each, caller)))
        return await connect(rows, sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before))
