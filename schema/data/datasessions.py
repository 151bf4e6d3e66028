"""Data sessions as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts.roles import Operation, Resource
from models.data import datasessions as table
from models.policies.data import dataoperations as operation_policy
from models.policies.data import datasessions as policy
from resolvers.data import datasession_script as data_datasession_script
from resolvers.data import datasessions as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.organizations import Organization
from schema.accounts.users import User
from schema.context import Context, Info, shown
from schema.data.dataoperations import DataOperation, OperationsOrder, OperationsWhere, operation_condition
from schema.execution.query_cost import Cost
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, StringFilter, combined, every
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by, connect_within


@strawberry.type(description="Files of a project, and what was computed from them.")
class Datasession(Node):
    """Shows a data session."""

    model = table.Datasession
    pk: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    organization_id: strawberry.Private[int | None]
    name: str = public(description="Its name.")
    input_data: JSON = public(description="Its files: a list of objects with type, source, basename and filter.")
    version: int = public(description="Counts its changes; give it as `expectedVersion` to change what you have seen.")
    created_at: datetime = public(description="When it was made.")
    modified_at: datetime = public(description="When its name or its files last changed.")
    accessed_at: datetime = public(description="When somebody last opened it, to the hour.")

    creator: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Whose it is; null when the caller may not know of them.",
        **by("creator_id", "users"),
    )
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="The organization that it belongs to, if any.",
        **by("organization_id", "organizations"),
    )
    can_edit: bool = public(description="Whether the caller may change it.", **by("pk", "editable_datasessions"))

    @requires(Resource.DATA_OPERATION, Operation.VIEW, description="Its operations, in the order they were asked for.")
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
        return await connect_within(info, rows, "datasession_id", self.pk, sorts(order_by, Sort("id")), window)


@readers.register("Datasession")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Datasession]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class DatasessionColumn(StrEnum):
    """Columns that data sessions can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"


expose(
    DatasessionColumn,
    "What data sessions can be sorted by.",
    {
        DatasessionColumn.NAME: "The name.",
        DatasessionColumn.CREATED_AT: "When it was made.",
        DatasessionColumn.MODIFIED_AT: "When its name or its files last changed.",
    },
)


@strawberry.input(description="One sort key of data sessions.")
class DatasessionOrder:
    """A column and a direction."""

    field: DatasessionColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on data sessions; all must hold.")
class DatasessionWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="On the name.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was made.", default=None)
    modified_at: DateTimeFilter | None = strawberry.field(description="On when it was changed.", default=None)
    and_: list["DatasessionWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["DatasessionWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "DatasessionWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: DatasessionWhere) -> Q:
    return every(
        where.name.condition("name") if where.name else Q(),
        where.created_at.condition("created_at") if where.created_at else Q(),
        where.modified_at.condition("modified_at") if where.modified_at else Q(),
    )


DatasessionId = Annotated[strawberry.ID, strawberry.argument(description="The data session.")]
Where = Annotated[DatasessionWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[
    list[DatasessionOrder] | None, strawberry.argument(description="The order; last changed first if not said.")
]


@strawberry.type(description="Reads of data sessions.")
class DatasessionQueries:
    """Root fields."""

    @requires(Resource.DATASESSION, Operation.VIEW, description="The data sessions that the caller may see.")
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
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        order = sorts(order_by, Sort("modified_at", descending=True))
        return await connect(rows, order, Window(first, after, last, before))

    @requires(Resource.DATASESSION, Operation.VIEW, description="The data session with this id; null if unseen.")
    async def datasession(self, info: Info, id: DatasessionId) -> Datasession | None:
        """Return one data session, which counts as opening it."""
        return shown(await resolve.look(info.context.caller, decode_as("Datasession", id)))

    @requires(
        Resource.DATA_OPERATION,
        Operation.VIEW,
        description="A Python script that does the operations of the data session again, with public libraries.",
        directives=[Cost(weight=20)],
    )
    async def datasession_script(self, info: Info, id: DatasessionId) -> str | None:
        """Write the script."""
        return await data_datasession_script.script(
            info.context.home, info.context.caller, decode_as("Datasession", id)
        )
