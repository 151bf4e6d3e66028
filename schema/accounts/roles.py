"""Roles as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import roles as table
from models.accounts.roles import Operation, Resource
from models.permissions.principal import Principal
from models.policies.accounts import organizations
from models.policies.accounts import roles as policy
from resolvers.accounts import roles as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.organizations import Organization
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import BooleanFilter, DateTimeFilter, IdFilter, StringFilter, combined, every, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by


@strawberry.type(description="A named set of rules that users hold.")
class Role(Node):
    """Shows a role."""

    model = table.Role
    organization_id: strawberry.Private[int | None]
    name: str = public(description="Its name, unique in its organization or in the house.")
    description: str = public(description="What it is for.")
    rules: list[str] = public(description="Its rules, as `session:view:own`.")
    is_default: bool = public(description="Whether it is defined in code, so that nobody changes it.")
    created_at: datetime = public(description="When it was made.")
    version: int = public(description="Counts its changes; give it as `expectedVersion` to change what you have seen.")

    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="Whose role it is; null for one of the whole house.",
        **by("organization_id", "organizations"),
    )


@readers.register("Role")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Role]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class RoleColumn(StrEnum):
    """Columns that roles can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"


expose(
    RoleColumn,
    "What roles can be sorted by.",
    {RoleColumn.NAME: "The name.", RoleColumn.CREATED_AT: "When it was made."},
)


@strawberry.input(description="One sort key of roles.")
class RoleOrder:
    """A column and a direction."""

    field: RoleColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on roles; all must hold.")
class RoleWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="On the name.", default=None)
    is_default: BooleanFilter | None = strawberry.field(description="On whether code defines it.", default=None)
    organization: IdFilter | None = strawberry.field(description="On whose role it is.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was made.", default=None)
    and_: list["RoleWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["RoleWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "RoleWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: RoleWhere, caller: Principal) -> Q:
    visible = organizations.readable(caller)
    return every(
        given(name=where.name, is_default=where.is_default, created_at=where.created_at),
        where.organization.condition("organization_id", "Organization", visible) if where.organization else Q(),
    )


Where = Annotated[RoleWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[RoleOrder] | None, strawberry.argument(description="The order; by name if not said.")]


@strawberry.type(description="Reads of roles.")
class RoleQueries:
    """Root fields."""

    @requires(Resource.ROLE, Operation.VIEW, description="The roles that the caller may know of.")
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
        rows = policy.readable(caller).filter(combined(where, lambda each: _own(each, caller)))
        return await connect(rows, sorts(order_by, Sort("name")), Window(first, after, last, before))


@strawberry.input(description="A new role.")
class RoleCreateInput:
    """What roleCreate takes."""

    name: str = strawberry.field(description="Its name, 1 to 64 characters; not that of a default role.")
    rules: list[str] = strawberry.field(description="Its rules, each of which the caller holds.")
    description: str = strawberry.field(description="What it is for, at most 1024 characters.", default="")
    organization_id: strawberry.ID | None = strawberry.field(
        description="Whose role it is; only who makes roles everywhere may leave it out.", default=None
    )


@strawberry.input(description="Changes of a role; what is not given stays as it is.")
class RoleUpdateInput:
    """What roleUpdate takes."""

    name: str | None = strawberry.field(description="A new name.", default=None)
    rules: list[str] | None = strawberry.field(
        description="All of its rules from now on; the caller holds those added and those removed.", default=None
    )
    description: str | None = strawberry.field(description="A new description.", default=None)


@strawberry.type(description="The answer to a change of a role.")
class RolePayload(Payload):
    """A role."""

    role: Role | None = public(description="The role as it is now.", default=None)


@strawberry.type(description="The answer to roleDelete.")
class RoleDeletePayload(Payload):
    """An id that is no more."""

    deleted_id: strawberry.ID | None = public(description="The id of the role that is gone.", default=None)


RoleId = Annotated[strawberry.ID, strawberry.argument(description="The role.")]
Expected = Annotated[int | None, strawberry.argument(description="Change it only if this is still its version.")]


@strawberry.type(description="Changes of roles.")
class RoleMutations:
    """Root fields."""

    @requires(
        Resource.ROLE,
        Operation.CREATE,
        description="Make a role out of rules that the caller holds. Takes `@idempotent`.",
    )
    @reported(RolePayload)
    @replayed(RolePayload, "role")
    async def role_create(
        self, info: Info, input: Annotated[RoleCreateInput, strawberry.argument(description="The role.")]
    ) -> RolePayload | None:
        """Make a role."""
        group = input.organization_id
        key = decode_as("Organization", group, path=("organizationId",)) if group else None
        role = await resolve.create_role(info.context.caller, input.name, input.description, input.rules, key)
        return RolePayload(role=shown(role))

    @requires(Resource.ROLE, Operation.EDIT, description="Change a role for all who hold it.")
    @reported(RolePayload)
    async def role_update(
        self,
        info: Info,
        id: RoleId,
        input: Annotated[RoleUpdateInput, strawberry.argument(description="What to change.")],
        expected_version: Expected = None,
    ) -> RolePayload | None:
        """Change a role."""
        key = decode_as("Role", id)
        role = await resolve.update_role(
            info.context.caller, key, input.name, input.description, input.rules, expected_version
        )
        return RolePayload(role=shown(role))

    @requires(Resource.ROLE, Operation.DELETE, description="Remove a role that nobody holds.")
    @reported(RoleDeletePayload)
    async def role_delete(
        self,
        info: Info,
        id: RoleId,
        with_holders: Annotated[
            bool, strawberry.argument(description="Whether to take it from those who hold it first.")
        ] = False,
    ) -> RoleDeletePayload | None:
        """Remove a role."""
        await resolve.delete_role(info.context.caller, decode_as("Role", id), with_holders=with_holders)
        return RoleDeletePayload(deleted_id=id)
