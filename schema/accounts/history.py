"""GraphQL types and root fields of the history."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON
from tortoise.queryset import QuerySet

from models.accounts import history as table
from models.accounts.history import ActorKind
from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import history as resolve
from resolvers.accounts import users
from resolvers.paging.keyset import Sort
from schema.accounts.rules import graphql_type_name
from schema.accounts.users import User
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import (
    DateTimeFilter,
    EnumFilter,
    IdFilter,
    StringFilter,
    Where,
    filter_by,
    filter_by_id,
    where_input,
)
from schema.graphql.list_definition import ListDefinition, ParentArgument
from schema.graphql.node import Node, UnknownId, readers
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


readers.register_rows("HistoryEntry", resolve.reader)


@where_input("history entries")
class HistoryWhere(Where):
    """Conditions."""

    resource: EnumFilter[Resource] | None = filter_by("Filter by resource.")
    action: StringFilter | None = filter_by("Filter by action.")
    actor: IdFilter | None = filter_by_id("Filter by the user who acted.", "User", users.reader.rows)
    actor_kind: EnumFilter[ActorKind] | None = filter_by("Filter by the kind of actor.")
    cause: StringFilter | None = filter_by("Filter by cause.")
    at: DateTimeFilter | None = filter_by("Filter by time.")


HISTORY = ListDefinition(
    HistoryEntry,
    HistoryWhere,
    resolve.reader.rows,
    {"at": "The time of the event."},
    Sort("id", descending=True),
    plural="the history",
    default_text="newest first",
    matched="entries",
)
RESOURCES_BY_TYPE = {graphql_type_name(resource): resource for resource in Resource}
"""Resources by the name of their GraphQL type."""


def _about_object(rows: QuerySet[table.HistoryEntry], kind: str, key: int) -> QuerySet[table.HistoryEntry]:
    if kind not in RESOURCES_BY_TYPE:
        raise UnknownId("This is not the ID of an object with a history.", path=("of",))
    return resolve.about_object(rows, RESOURCES_BY_TYPE[kind], key)


@strawberry.type(description="Queries for the history.")
class HistoryQueries:
    """Root fields."""

    history = HISTORY.field(
        Resource.HISTORY,
        description="The history entries, newest first.",
        parent=ParentArgument("Return only entries about this object.", _about_object),
    )
