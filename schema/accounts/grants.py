"""GraphQL types and root fields of grants of object roles."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import roles as table
from models.accounts.roles import ObjectRole, PermissionVerb, Resource
from models.policies.accounts import grants as policy
from resolvers.paging.keyset import Sort, Window
from schema.accounts.organizations import Organization
from schema.accounts.rules import graphql_type_name
from schema.accounts.users import User
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, column_conditions, where_condition
from schema.graphql.node import Node, decode, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by


@strawberry.type(description="A role on one object, granted to a user or to all members of an organization.")
class Grant(Node):
    """The GraphQL type of a grant."""

    model = table.Grant
    user_id: strawberry.Private[int | None]
    organization_id: strawberry.Private[int | None]
    object_id: strawberry.Private[int]
    resource: Resource = public(description="The resource.")
    role: ObjectRole = public(description="The role.")
    created_at: datetime = public(description="The time of the grant.")

    user: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The user who holds the role. Null for a group or if the caller cannot see this user.",
        **loaded_by("user_id", "users"),
    )
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description="The organization that holds the role. Null for a single user.",
        **loaded_by("organization_id", "organizations"),
    )

    @public(description="The object. Null if the caller cannot see it.")
    async def object(self, info: Info) -> Node | None:
        """Return the object."""
        return as_graphql(await info.context.loaders.granted[self.resource].load(self.object_id))


@readers.register("Grant")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Grant]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class GrantColumn(StrEnum):
    """Columns that grants can be sorted by."""

    CREATED_AT = "created_at"


graphql_enum(
    GrantColumn, "The columns that grants can be sorted by.", {GrantColumn.CREATED_AT: "The time of the grant."}
)


@strawberry.input(description="A sort key for grants.")
class GrantOrder:
    """A column and a direction."""

    field: GrantColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on grants. All must be true.")
class GrantWhere:
    """Conditions."""

    resource: EnumFilter[Resource] | None = strawberry.field(description="Filter by resource.", default=None)
    role: EnumFilter[ObjectRole] | None = strawberry.field(description="Filter by role.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by the time of the grant.", default=None)
    and_: list["GrantWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["GrantWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "GrantWhere | None" = strawberry.field(name="NOT", description="This condition must be false.", default=None)


def _own_condition(where: GrantWhere) -> Q:
    return column_conditions(resource=where.resource, role=where.role, created_at=where.created_at)


Of = Annotated[strawberry.ID | None, strawberry.argument(description="Return only grants on this object.")]
Where = Annotated[GrantWhere | None, strawberry.argument(description="Return only the objects that match this filter.")]
OrderBy = Annotated[
    list[GrantOrder] | None, strawberry.argument(description="The sort order. The default is newest first.")
]


@strawberry.type(description="Queries for grants.")
class GrantQueries:
    """Root fields."""

    @requires(
        Resource.ROLE, PermissionVerb.VIEW, description="The grants that the caller holds or can give, newest first."
    )
    async def grants(
        self,
        info: Info,
        of: Of = None,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Grant] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(where_condition(where, _own_condition))
        if of is not None:
            kind, key = decode(of)
            resources = [resource for resource in policy.GRANTABLE if graphql_type_name(resource) == kind]
            rows = rows.filter(resource__in=resources, object_id=key)
        return await connect(rows, sort_keys(order_by, Sort("id", descending=True)), Window(first, after, last, before))
