"""Mutations that create, change and delete roles, and give roles and rules to users and remove them."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.services.accounts.roles import DESCRIPTION_LIMIT, NAME_LIMIT
from resolvers.accounts import roles as resolve
from schema.accounts.roles import Role
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.graphql.versions import ExpectedVersion


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
        expected_version: ExpectedVersion = None,
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


@strawberry.type(description="The payload of mutations of a user's roles and rules.")
class UserRightsPayload(Payload):
    """A user."""

    user: User | None = public(description="The user with the current roles and rules.", default=None)


UserId = Annotated[
    strawberry.ID, strawberry.argument(description="The user. Callers cannot change their own permissions.")
]
RuleText = Annotated[str, strawberry.argument(description="The rule, for example `session:view:own`.")]


@strawberry.type(description="Mutations of users' roles and rules.")
class RoleAssignmentMutations:
    """Root fields."""

    @requires(
        Resource.USER,
        PermissionVerb.EDIT,
        description="Give a user a role. The caller must hold all rules of the role.",
    )
    @errors_in_payload(UserRightsPayload)
    async def user_role_add(self, info: Info, id: UserId, role_id: RoleId) -> UserRightsPayload | None:
        """Add a role."""
        key, role = decode_as("User", id), decode_as("Role", role_id, path=("roleId",))
        user = await resolve.add_role(info.context.caller, key, role)
        return UserRightsPayload(user=as_graphql(user))

    @requires(Resource.USER, PermissionVerb.EDIT, description="Remove a role from a user.")
    @errors_in_payload(UserRightsPayload)
    async def user_role_remove(self, info: Info, id: UserId, role_id: RoleId) -> UserRightsPayload | None:
        """Delete a role."""
        key, role = decode_as("User", id), decode_as("Role", role_id, path=("roleId",))
        user = await resolve.remove_role(info.context.caller, key, role)
        return UserRightsPayload(user=as_graphql(user))

    @requires(Resource.USER, PermissionVerb.EDIT, description="Give a user a rule. The caller must hold the rule.")
    @errors_in_payload(UserRightsPayload)
    async def user_rule_add(self, info: Info, id: UserId, rule: RuleText) -> UserRightsPayload | None:
        """Add a rule."""
        user = await resolve.add_rule(info.context.caller, decode_as("User", id), rule)
        return UserRightsPayload(user=as_graphql(user))

    @requires(Resource.USER, PermissionVerb.EDIT, description="Remove a rule that a user holds directly.")
    @errors_in_payload(UserRightsPayload)
    async def user_rule_remove(self, info: Info, id: UserId, rule: RuleText) -> UserRightsPayload | None:
        """Remove a rule."""
        user = await resolve.remove_rule(info.context.caller, decode_as("User", id), rule)
        return UserRightsPayload(user=as_graphql(user))
