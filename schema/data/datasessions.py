"""GraphQL types and root fields of data sessions."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts.roles import PermissionVerb, Resource
from models.data import datasessions as table
from models.policies.data import dataoperations as operation_policy
from models.policies.data import datasessions as policy
from resolvers.data import datasession_script as data_datasession_script
from resolvers.data import datasessions as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.organizations import Organization
from schema.accounts.users import User
from schema.context import Context, Info, as_graphql
from schema.data.dataoperations import DataOperation, OperationsOrder, OperationsWhere, operation_condition
from schema.execution.query_cost import Cost
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, StringFilter, all_of, where_condition
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import connect_nested, loaded_by


@strawberry.type(description="Files of a project and the operations on them.")
class Datasession(Node):
    """The GraphQL type of a data session."""

    model = table.Datasession
    pk: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    organization_id: strawberry.Private[int | None]
    name: str = public(description="The name.")
    input_data: JSON = public(description="The files: a list of objects with type, source, basename and filter.")
    version: int = public(
        description="The version number, which increases with every change. "
        "Pass it as `expectedVersion` to detect concurrent changes."
    )
    created_at: datetime = public(description="The creation time.")
    modified_at: datetime = public(description="The time when the name or the files last changed.")
    accessed_at: datetime = public(description="The time of the last access, to the hour.")

    creator: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The creator. Null if the caller cannot see this user.",
        **loaded_by("creator_id", "users"),
    )
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description="The organization that owns it, if any.",
        **loaded_by("organization_id", "organizations"),
    )
    can_edit: bool = public(description="Whether the caller may edit it.", **loaded_by("pk", "editable_datasessions"))

    @requires(Resource.DATA_OPERATION, PermissionVerb.VIEW, description="The operations, oldest first.")
    async def operations(
        self,
        info: Info,
        where: OperationsWhere = None,
        order_by: OperationsOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[DataOperation] | None:
        """Return one page."""
        caller = info.context.caller
        rows = operation_policy.readable(caller).filter(operation_condition(where, caller))
        window = Window(first, after, last, before)
        return await connect_nested(info, rows, "datasession_id", self.pk, sort_keys(order_by, Sort("id")), window)


@readers.register("Datasession")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Datasession]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class DatasessionColumn(StrEnum):
    """Columns that data sessions can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"


graphql_enum(
    DatasessionColumn,
    "The columns that data sessions can be sorted by.",
    {
        DatasessionColumn.NAME: "The name.",
        DatasessionColumn.CREATED_AT: "The creation time.",
        DatasessionColumn.MODIFIED_AT: "The time when the name or the files last changed.",
    },
)


@strawberry.input(description="A sort key for data sessions.")
class DatasessionOrder:
    """A column and a direction."""

    field: DatasessionColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on data sessions. All must be true.")
class DatasessionWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="Filter by name.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    modified_at: DateTimeFilter | None = strawberry.field(
        description="Filter by the time of the last change.", default=None
    )
    and_: list["DatasessionWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["DatasessionWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "DatasessionWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: DatasessionWhere) -> Q:
    return all_of(
        where.name.condition("name") if where.name else Q(),
        where.created_at.condition("created_at") if where.created_at else Q(),
        where.modified_at.condition("modified_at") if where.modified_at else Q(),
    )


DatasessionId = Annotated[strawberry.ID, strawberry.argument(description="The data session.")]
Where = Annotated[
    DatasessionWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
OrderBy = Annotated[
    list[DatasessionOrder] | None, strawberry.argument(description="The sort order. The default is last changed first.")
]


@strawberry.type(description="Queries for data sessions.")
class DatasessionQueries:
    """Root fields."""

    @requires(Resource.DATASESSION, PermissionVerb.VIEW, description="The data sessions that the caller can see.")
    async def datasessions(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Datasession] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(where_condition(where, _own_condition))
        order = sort_keys(order_by, Sort("modified_at", descending=True))
        return await connect(rows, order, Window(first, after, last, before))

    @requires(
        Resource.DATASESSION,
        PermissionVerb.VIEW,
        description="The data session with this ID. Null if the caller cannot see it.",
    )
    async def datasession(self, info: Info, id: DatasessionId) -> Datasession | None:
        """Return one data session and record the access."""
        return as_graphql(await resolve.open_datasession(info.context.caller, decode_as("Datasession", id)))

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="A Python script that repeats the operations of the data session with public libraries.",
        directives=[Cost(weight=20)],
    )
    async def datasession_script(self, info: Info, id: DatasessionId) -> str | None:
        """Return the script."""
        return await data_datasession_script.script(
            info.context.app_state, info.context.caller, decode_as("Datasession", id)
        )
