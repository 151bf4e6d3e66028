"""Mutations that give roles and rules to users and remove them."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import roles as resolve
from schema.accounts.roles import RoleId
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires


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
