"""GraphQL types and root fields of grants of object roles."""

from datetime import datetime

import strawberry
from tortoise.queryset import QuerySet

from models.accounts import roles as table
from models.accounts.roles import ObjectRole, PermissionVerb, Resource
from resolvers.accounts import grants as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.organizations import Organization
from schema.accounts.rules import graphql_type_name
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.graphql.filters import DateTimeFilter, EnumFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition, ParentArgument
from schema.graphql.node import Node, readers
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


readers.register_rows("Grant", resolve.reader)


@where_input("grants")
class GrantWhere(Where):
    """Conditions."""

    resource: EnumFilter[Resource] | None = filter_by("Filter by resource.")
    role: EnumFilter[ObjectRole] | None = filter_by("Filter by role.")
    created_at: DateTimeFilter | None = filter_by("Filter by the time of the grant.")


GRANTS = ListDefinition(
    Grant,
    GrantWhere,
    resolve.reader.rows,
    {"created_at": "The time of the grant."},
    Sort("id", descending=True),
    plural="grants",
    default_text="newest first",
)


def _on_object(rows: QuerySet[table.Grant], kind: str, key: int) -> QuerySet[table.Grant]:
    resources = [resource for resource in Resource if graphql_type_name(resource) == kind]
    return resolve.on_object(rows, resources, key)


@strawberry.type(description="Queries for grants.")
class GrantQueries:
    """Root fields."""

    grants = GRANTS.field(
        Resource.ROLE,
        description="The grants that the caller holds or can give, newest first.",
        parent=ParentArgument("Return only grants on this object.", _on_object),
    )
