"""Grants of object roles as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import roles as table
from models.accounts.roles import ObjectRole, Operation, Resource
from models.policies.accounts import grants as policy
from resolvers.paging.keyset import Sort, Window
from schema.accounts.organizations import Organization
from schema.accounts.rules import type_of
from schema.accounts.users import User
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, EnumFilter, combined, given
from schema.graphql.node import Node, decode, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by


@strawberry.type(description="Somebody, or all members of an organization, hold a role on one object.")
class Grant(Node):
    """Shows a grant."""

    model = table.Grant
    user_id: strawberry.Private[int | None]
    organization_id: strawberry.Private[int | None]
    object_id: strawberry.Private[int]
    resource: Resource = public(description="The sort of object.")
    role: ObjectRole = public(description="The role on it.")
    created_at: datetime = public(description="Since when.")

    user: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Who holds it; null for a group, or if unknown to the caller.",
        **by("user_id", "users"),
    )
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="The group that holds it; null for a single user.",
        **by("organization_id", "organizations"),
    )

    @public(description="The object; null when the caller may not see it.")
    async def object(self, info: Info) -> Node | None:
        """Return the object."""
        return shown(await info.context.loaders.granted[self.resource].load(self.object_id))


@readers.register("Grant")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Grant]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class GrantColumn(StrEnum):
    """Columns that grants can be sorted by."""

    CREATED_AT = "created_at"


expose(GrantColumn, "What grants can be sorted by.", {GrantColumn.CREATED_AT: "Since when they are held."})


@strawberry.input(description="One sort key of grants.")
class GrantOrder:
    """A column and a direction."""

    field: GrantColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on grants; all must hold.")
class GrantWhere:
    """Conditions."""

    resource: EnumFilter[Resource] | None = strawberry.field(description="On the sort of object.", default=None)
    role: EnumFilter[ObjectRole] | None = strawberry.field(description="On the role.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On since when it is held.", default=None)
    and_: list["GrantWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["GrantWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "GrantWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: GrantWhere) -> Q:
    return given(resource=where.resource, role=where.role, created_at=where.created_at)


Of = Annotated[strawberry.ID | None, strawberry.argument(description="Only those on this object.")]
Where = Annotated[GrantWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[GrantOrder] | None, strawberry.argument(description="The order; newest first if not said.")]


@strawberry.type(description="Reads of grants.")
class GrantQueries:
    """Root fields."""

    @requires(Resource.ROLE, Operation.VIEW, description="The grants that the caller holds or may give, newest first.")
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
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        if of is not None:
            kind, key = decode(of)
            nouns = [resource for resource in policy.GRANTED if type_of(resource) == kind]
            rows = rows.filter(resource__in=nouns, object_id=key)
        return await connect(rows, sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before))
