"""GraphQL types and root fields of organizations."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import organizations as table
from models.accounts.roles import PermissionVerb, Resource
from models.policies.accounts import organizations as policy
from models.services.accounts.organizations import NAME_LIMIT
from resolvers.accounts import organizations as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.members import Membership, MembersOrder, MembersWhere, member_condition
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import DateTimeFilter, StringFilter, column_conditions, where_condition
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import connect_nested


@strawberry.type(description="A group of users, for example an institute or a laboratory.")
class Organization(Node):
    """The GraphQL type of an organization."""

    model = table.Organization
    pk: strawberry.Private[int]
    name: str = public(description="The unique name.")
    slug: str = public(description="The unique name in URLs.")
    created_at: datetime = public(description="The creation time.")

    @requires(Resource.ORGANIZATION, PermissionVerb.VIEW, description="The members, by joining time, oldest first.")
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
        return await connect_nested(info, rows, "organization_id", self.pk, sort_keys(order_by, Sort("id")), window)


@readers.register("Organization")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Organization]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class OrganizationColumn(StrEnum):
    """Columns that organizations can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"


graphql_enum(
    OrganizationColumn,
    "The columns that organizations can be sorted by.",
    {OrganizationColumn.NAME: "The name.", OrganizationColumn.CREATED_AT: "The creation time."},
)


@strawberry.input(description="A sort key for organizations.")
class OrganizationOrder:
    """A column and a direction."""

    field: OrganizationColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on organizations. All must be true.")
class OrganizationWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="Filter by name.", default=None)
    slug: StringFilter | None = strawberry.field(description="Filter by slug.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    and_: list["OrganizationWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["OrganizationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "OrganizationWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: OrganizationWhere) -> Q:
    return column_conditions(name=where.name, slug=where.slug, created_at=where.created_at)


def organization_condition(where: OrganizationWhere | None) -> Q:
    """Return the condition of `where`."""
    return where_condition(where, _own_condition)


OrganizationsWhere = Annotated[
    OrganizationWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
OrganizationsOrder = Annotated[
    list[OrganizationOrder] | None, strawberry.argument(description="The sort order. The default is by name.")
]


@strawberry.type(description="Queries for organizations.")
class OrganizationQueries:
    """Root fields."""

    @requires(Resource.ORGANIZATION, PermissionVerb.VIEW, description="The caller's organizations, by name.")
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
        return await connect(rows, sort_keys(order_by, Sort("name")), Window(first, after, last, before))


@strawberry.type(description="The payload of organization mutations.")
class OrganizationPayload(Payload):
    """An organization."""

    organization: Organization | None = public(description="The current organization.", default=None)


Name = Annotated[str, strawberry.argument(description=f"The name, 1 to {NAME_LIMIT} characters.")]


@strawberry.type(description="Mutations of organizations.")
class OrganizationMutations:
    """Root fields."""

    @requires(
        Resource.ORGANIZATION, PermissionVerb.CREATE, description="Create an organization. Accepts `@idempotent`."
    )
    @errors_in_payload(OrganizationPayload)
    @idempotent_mutation(OrganizationPayload, "organization")
    async def organization_create(self, info: Info, name: Name) -> OrganizationPayload | None:
        """Create an organization."""
        return OrganizationPayload(organization=as_graphql(await resolve.create(info.context.caller, name)))
