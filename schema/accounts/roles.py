"""GraphQL types and root fields of roles."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.accounts import roles as table
from models.accounts.roles import PermissionVerb, Resource
from models.services.accounts.roles import DESCRIPTION_LIMIT, NAME_LIMIT
from resolvers.accounts import organizations
from resolvers.accounts import roles as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.organizations import Organization
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
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
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by


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
    version: int = public(
        description="The version number, which increases with every change. "
        "Pass it as `expectedVersion` to detect concurrent changes."
    )

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


@strawberry.input(description="A new role.")
class RoleCreateInput:
    """The input of roleCreate."""

    name: str = strawberry.field(
        description=f"The name, 1 to {NAME_LIMIT} characters. Names of default roles are reserved."
    )
    rules: list[str] = strawberry.field(description="The rules. The caller must hold each of them.")
    description: str = strawberry.field(description=f"The purpose, at most {DESCRIPTION_LIMIT} characters.", default="")
    organization_id: strawberry.ID | None = strawberry.field(
        description="The organization that owns the role. Only callers who can create roles everywhere may omit it.",
        default=None,
    )


@strawberry.input(description="Changes to a role. Omitted fields keep their values.")
class RoleUpdateInput:
    """The input of roleUpdate."""

    name: str | None = strawberry.field(description="The new name.", default=None)
    rules: list[str] | None = strawberry.field(
        description="The new complete list of rules. The caller must hold all added and removed rules.", default=None
    )
    description: str | None = strawberry.field(description="The new description.", default=None)


@strawberry.type(description="The payload of role mutations.")
class RolePayload(Payload):
    """A role."""

    role: Role | None = public(description="The current role.", default=None)


@strawberry.type(description="The payload of roleDelete.")
class RoleDeletePayload(Payload):
    """The ID of the deleted object."""

    deleted_id: strawberry.ID | None = public(description="The ID of the deleted role.", default=None)


RoleId = Annotated[strawberry.ID, strawberry.argument(description="The role.")]
Expected = Annotated[
    int | None,
    strawberry.argument(
        description="The version that the caller read. The change is refused if the object has changed since."
    ),
]


@strawberry.type(description="Mutations of roles.")
class RoleMutations:
    """Root fields."""

    @requires(
        Resource.ROLE,
        PermissionVerb.CREATE,
        description="Create a role from rules that the caller holds. Accepts `@idempotent`.",
    )
    @errors_in_payload(RolePayload)
    @idempotent_mutation(RolePayload, "role")
    async def role_create(
        self, info: Info, input: Annotated[RoleCreateInput, strawberry.argument(description="The role.")]
    ) -> RolePayload | None:
        """Create a role."""
        group = input.organization_id
        key = decode_as("Organization", group, path=("organizationId",)) if group else None
        role = await resolve.create_role(info.context.caller, input.name, input.description, input.rules, key)
        return RolePayload(role=as_graphql(role))

    @requires(Resource.ROLE, PermissionVerb.EDIT, description="Change a role for all its holders.")
    @errors_in_payload(RolePayload)
    async def role_update(
        self,
        info: Info,
        id: RoleId,
        input: Annotated[RoleUpdateInput, strawberry.argument(description="The changes.")],
        expected_version: Expected = None,
    ) -> RolePayload | None:
        """Change a role."""
        key = decode_as("Role", id)
        role = await resolve.update_role(
            info.context.caller, key, input.name, input.description, input.rules, expected_version
        )
        return RolePayload(role=as_graphql(role))

    @requires(
        Resource.ROLE,
        PermissionVerb.DELETE,
        description="Delete a role. It must have no holders, unless `withHolders` is true.",
    )
    @errors_in_payload(RoleDeletePayload)
    async def role_delete(
        self,
        info: Info,
        id: RoleId,
        with_holders: Annotated[
            bool, strawberry.argument(description="Whether to remove the role from its holders first.")
        ] = False,
    ) -> RoleDeletePayload | None:
        """Delete a role."""
        await resolve.delete_role(info.context.caller, decode_as("Role", id), with_holders=with_holders)
        return RoleDeletePayload(deleted_id=id)
