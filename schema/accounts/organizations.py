"""Organizations as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import organizations as table
from models.accounts.roles import Operation, Resource
from models.policies.accounts import organizations as policy
from resolvers.accounts import organizations as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.members import Membership, MembersOrder, MembersWhere, member_condition
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import DateTimeFilter, StringFilter, combined, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import connect_within


@strawberry.type(description="A group of people who work together: an institute, a lab.")
class Organization(Node):
    """Shows an organization."""

    model = table.Organization
    pk: strawberry.Private[int]
    name: str = public(description="Its unique name.")
    slug: str = public(description="Its name in addresses.")
    created_at: datetime = public(description="When it was founded here.")

    @requires(Resource.ORGANIZATION, Operation.VIEW, description="Its members, longest first.")
    async def members(
        self,
        info: Info,
        where: MembersWhere = None,
        order_by: MembersOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Membership] | None:
        """Return one page."""
        rows = policy.readable_memberships(info.context.caller).filter(member_condition(where))
        window = Window(first, after, last, before)
        return await connect_within(info, rows, "organization_id", self.pk, sorts(order_by, Sort("id")), window)


@readers.register("Organization")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Organization]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class OrganizationColumn(StrEnum):
    """Columns that organizations can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"


expose(
    OrganizationColumn,
    "What organizations can be sorted by.",
    {OrganizationColumn.NAME: "The name.", OrganizationColumn.CREATED_AT: "When it was founded here."},
)


@strawberry.input(description="One sort key of organizations.")
class OrganizationOrder:
    """A column and a direction."""

    field: OrganizationColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on organizations; all must hold.")
class OrganizationWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="On the name.", default=None)
    slug: StringFilter | None = strawberry.field(description="On the slug.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was founded here.", default=None)
    and_: list["OrganizationWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["OrganizationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "OrganizationWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: OrganizationWhere) -> Q:
    return given(name=where.name, slug=where.slug, created_at=where.created_at)


def organization_condition(where: OrganizationWhere | None) -> Q:
    """Return the whole condition of `where`."""
    return combined(where, _own)


OrganizationsWhere = Annotated[
    OrganizationWhere | None, strawberry.argument(description="Only those for which all of this holds.")
]
OrganizationsOrder = Annotated[
    list[OrganizationOrder] | None, strawberry.argument(description="The order; by name if not said.")
]


@strawberry.type(description="Reads of organizations.")
class OrganizationQueries:
    """Root fields."""

    @requires(Resource.ORGANIZATION, Operation.VIEW, description="The caller's organizations, by name.")
    async def organizations(
        self,
        info: Info,
        where: OrganizationsWhere = None,
        order_by: OrganizationsOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Organization] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(organization_condition(where))
        return await connect(rows, sorts(order_by, Sort("name")), Window(first, after, last, before))


@strawberry.type(description="The answer to a change of an organization.")
class OrganizationPayload(Payload):
    """An organization."""

    organization: Organization | None = public(description="The organization as it is now.", default=None)


Name = Annotated[str, strawberry.argument(description="Its name, 1 to 128 characters.")]


@strawberry.type(description="Changes of organizations.")
class OrganizationMutations:
    """Root fields."""

    @requires(Resource.ORGANIZATION, Operation.CREATE, description="Found an organization. Takes `@idempotent`.")
    @reported(OrganizationPayload)
    @replayed(OrganizationPayload, "organization")
    async def organization_create(self, info: Info, name: Name) -> OrganizationPayload | None:
        """Found an organization."""
        return OrganizationPayload(organization=shown(await resolve.create(info.context.caller, name)))
