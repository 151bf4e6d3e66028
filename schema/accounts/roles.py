"""GraphQL types and root fields of roles."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import roles as table
from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies.accounts import organizations
from models.policies.accounts import roles as policy
from models.services.accounts.roles import DESCRIPTION_LIMIT, NAME_LIMIT
from resolvers.accounts import roles as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.organizations import Organization
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import (
    BooleanFilter,
    DateTimeFilter,
    IdFilter,
    StringFilter,
    all_of,
    column_conditions,
    where_condition,
)
from schema.graphql.idempotent_mutations import idempotent_mutation
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


@readers.register("Role")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Role]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class RoleColumn(StrEnum):
    """Columns that roles can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"


graphql_enum(
    RoleColumn,
    "The columns that roles can be sorted by.",
    {RoleColumn.NAME: "The name.", RoleColumn.CREATED_AT: "The creation time."},
)


@strawberry.input(description="A sort key for roles.")
class RoleOrder:
    """A column and a direction."""

    field: RoleColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on roles. All must be true.")
class RoleWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="Filter by name.", default=None)
    is_default: BooleanFilter | None = strawberry.field(description="Filter default roles.", default=None)
    organization: IdFilter | None = strawberry.field(
        description="Filter by the organization that owns the role.", default=None
    )
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    and_: list["RoleWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["RoleWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "RoleWhere | None" = strawberry.field(name="NOT", description="This condition must be false.", default=None)


def _own_condition(where: RoleWhere, caller: Principal) -> Q:
    visible = organizations.readable(caller)
    return all_of(
        column_conditions(name=where.name, is_default=where.is_default, created_at=where.created_at),
        where.organization.condition("organization_id", "Organization", visible) if where.organization else Q(),
    )


Where = Annotated[RoleWhere | None, strawberry.argument(description="Return only the objects that match this filter.")]
OrderBy = Annotated[list[RoleOrder] | None, strawberry.argument(description="The sort order. The default is by name.")]


@strawberry.type(description="Queries for roles.")
class RoleQueries:
    """Root fields."""

    @requires(Resource.ROLE, PermissionVerb.VIEW, description="The roles that the caller can see.")
    async def roles(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Role] | None:
        """Return one page."""
        caller = info.context.caller
        rows = policy.readable(caller).filter(where_condition(where, lambda each: _own_condition(each, caller)))
        return await connect(rows, sort_keys(order_by, Sort("name")), Window(first, after, last, before))


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
