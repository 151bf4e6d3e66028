"""GraphQL types and root fields of roles."""

from datetime import datetime

import strawberry

from models.accounts import roles as table
from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import organizations
from resolvers.accounts import roles as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.organizations import Organization
from schema.graphql.filters import (
    BooleanFilter,
    DateTimeFilter,
    IdFilter,
    StringFilter,
    Where,
    filter_by,
    filter_by_id,
    where_input,
)
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.graphql.versions import VERSION


@strawberry.type(description="A named set of rules.")
class Role(Node):
    """The GraphQL type of a role."""

    model = table.Role
    organization_id: strawberry.Private[int | None]
    name: str = public(description="The name, unique in its organization or, without one, in the installation.")
    description: str = public(description="The purpose.")
    rules: list[str] = public(description="The rules, for example `session:view:own`.")
    is_default: bool = public(description="Whether the role is defined in code and cannot be changed.")
    created_at: datetime = public(description="The creation time.")
    version: int = public(description=VERSION)

    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description="The organization that owns the role. Null for a role of the whole installation.",
        **loaded_by("organization_id", "organizations"),
    )


readers.register_rows("Role", resolve.reader)


@where_input("roles")
class RoleWhere(Where):
    """Conditions."""

    name: StringFilter | None = filter_by("Filter by name.")
    is_default: BooleanFilter | None = filter_by("Filter default roles.")
    organization: IdFilter | None = filter_by_id(
        "Filter by the organization that owns the role.", "Organization", organizations.reader.rows
    )
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


ROLES = ListDefinition(
    Role,
    RoleWhere,
    resolve.reader.rows,
    {"name": "The name.", "created_at": "The creation time."},
    Sort("name"),
    plural="roles",
    default_text="by name",
)


@strawberry.type(description="Queries for roles.")
class RoleQueries:
    """Root fields."""

    roles = ROLES.field(Resource.ROLE, description="The roles that the caller can see.")
