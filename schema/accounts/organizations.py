"""GraphQL types and root fields of organizations."""

from datetime import datetime

import strawberry

from models.accounts import organizations as table
from models.accounts.roles import Resource
from resolvers.accounts import organizations as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.members import MEMBERS
from schema.graphql.filters import DateTimeFilter, StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public


@strawberry.type(description="A group of users, for example an institute or a laboratory.")
class Organization(Node):
    """The GraphQL type of an organization."""

    model = table.Organization
    pk: strawberry.Private[int]
    name: str = public(description="The unique name.")
    slug: str = public(description="The unique name in URLs.")
    created_at: datetime = public(description="The creation time.")

    members = MEMBERS.nested_field(
        Resource.ORGANIZATION, "organization_id", description="The members, by joining time, oldest first."
    )


readers.register_rows("Organization", resolve.reader)


@where_input("organizations")
class OrganizationWhere(Where):
    """Conditions."""

    name: StringFilter | None = filter_by("Filter by name.")
    slug: StringFilter | None = filter_by("Filter by slug.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


ORGANIZATIONS = ListDefinition(
    Organization,
    OrganizationWhere,
    resolve.reader.rows,
    {"name": "The name.", "created_at": "The creation time."},
    Sort("name"),
    plural="organizations",
    default_text="by name",
)


@strawberry.type(description="Queries for organizations.")
class OrganizationQueries:
    """Root fields."""

    organizations = ORGANIZATIONS.field(Resource.ORGANIZATION, description="The caller's organizations, by name.")
