"""GraphQL types and root fields of the history."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts import history as table
from models.accounts.history import ActorKind
from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies.accounts import history as policy
from models.policies.accounts import users as accounts_users
from resolvers.paging.keyset import Sort, Window
from schema.accounts.rules import graphql_type_name
from schema.accounts.users import User
from schema.context import Context, Info
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, IdFilter, StringFilter, all_of, where_condition
from schema.graphql.node import Node, UnknownId, decode, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by

graphql_enum(
    ActorKind,
    "The kind of actor.",
    {
        ActorKind.USER: "A user.",
        ActorKind.SESSION: "The container of a session.",
        ActorKind.SERVICE: "Carrel itself.",
        ActorKind.ANONYMOUS: "A caller that is not signed in.",
    },
)


@strawberry.type(description="An event in the history of an object.")
class HistoryEntry(Node):
    """The GraphQL type of an entry."""

    model = table.HistoryEntry
    actor_id: strawberry.Private[int | None]
    resource: Resource = public(description="The resource.")
    action: str = public(
        description=(
            "The action, for example `move` or `sign_in`. Refused actions end in `_refused`, for example "
            "`session_stop_refused`. `field_refused` means that `@requires` refused the field named in `cause`."
        )
    )
    from_state: str | None = public(description="The previous state, for a state transition.")
    to_state: str | None = public(description="The new state, if any.")
    actor_kind: ActorKind = public(description="The kind of actor.")
    cause: str = public(description="The cause, as a sentence. May be empty.")
    detail: JSON = public(description="Further details by name.")
    at: datetime = public(description="The time of the event.")
    actor: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The user who acted. Null if the caller cannot see this user.",
        **loaded_by("actor_id", "users"),
    )


@readers.register("HistoryEntry")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.HistoryEntry]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.input(description="Conditions on history entries. All must be true.")
class HistoryWhere:
    """Conditions."""

    resource: EnumFilter[Resource] | None = strawberry.field(description="Filter by resource.", default=None)
    action: StringFilter | None = strawberry.field(description="Filter by action.", default=None)
    actor: IdFilter | None = strawberry.field(description="Filter by the user who acted.", default=None)
    actor_kind: EnumFilter[ActorKind] | None = strawberry.field(
        description="Filter by the kind of actor.", default=None
    )
    cause: StringFilter | None = strawberry.field(description="Filter by cause.", default=None)
    at: DateTimeFilter | None = strawberry.field(description="Filter by time.", default=None)
    and_: list["HistoryWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["HistoryWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "HistoryWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


class HistoryColumn(StrEnum):
    """Columns that the history can be sorted by."""

    AT = "at"


graphql_enum(
    HistoryColumn, "The columns that the history can be sorted by.", {HistoryColumn.AT: "The time of the event."}
)


@strawberry.input(description="A sort key for the history.")
class HistoryOrder:
    """A column and a direction."""

    field: HistoryColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.DESC)


def _own_condition(where: HistoryWhere, caller: Principal) -> Q:
    return all_of(
        where.resource.condition("resource") if where.resource else Q(),
        where.action.condition("action") if where.action else Q(),
        where.actor.condition("actor_id", "User", accounts_users.readable(caller)) if where.actor else Q(),
        where.actor_kind.condition("actor_kind") if where.actor_kind else Q(),
        where.cause.condition("cause") if where.cause else Q(),
        where.at.condition("at") if where.at else Q(),
    )


RESOURCES_BY_TYPE = {graphql_type_name(resource): resource for resource in Resource}
"""Resources by the name of their GraphQL type."""
Where = Annotated[
    HistoryWhere | None, strawberry.argument(description="Return only the entries that match this filter.")
]
OrderBy = Annotated[
    list[HistoryOrder] | None, strawberry.argument(description="The sort order. The default is newest first.")
]
Of = Annotated[strawberry.ID | None, strawberry.argument(description="Return only entries about this object.")]


@strawberry.type(description="Queries for the history.")
class HistoryQueries:
    """Root fields."""

    @requires(Resource.HISTORY, PermissionVerb.VIEW, description="The history entries, newest first.")
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
            if kind not in RESOURCES_BY_TYPE:
                raise UnknownId("This is not the ID of an object with a history.", path=("of",))
            rows = rows.filter(resource=RESOURCES_BY_TYPE[kind], object_id=key)
        caller = info.context.caller
        rows = rows.filter(where_condition(where, lambda each: _own_condition(each, caller)))
        return await connect(rows, sort_keys(order_by, Sort("id", descending=True)), Window(first, after, last, before))
