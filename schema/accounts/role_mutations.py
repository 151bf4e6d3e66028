"""What users hold: roles and rules are given to them and taken from them."""

from typing import Annotated

import strawberry

from models.accounts.roles import Operation, Resource
from resolvers.accounts import roles as resolve
from schema.accounts.roles import RoleId
from schema.accounts.users import User
from schema.context import Info, shown
from schema.graphql.errors import Payload, reported
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires


@strawberry.type(description="The answer to a change of what a user holds.")
class UserRightsPayload(Payload):
    """A user."""

    user: User | None = public(description="The user, with what they hold now.", default=None)


UserId = Annotated[strawberry.ID, strawberry.argument(description="The user; never the caller.")]
Text = Annotated[str, strawberry.argument(description="The rule, as `session:view:own`.")]


@strawberry.type(description="Changes of what users hold.")
class HolderMutations:
    """Root fields."""

    @requires(Resource.USER, Operation.EDIT, description="Let a user hold a role of which the caller holds all rules.")
    @reported(UserRightsPayload)
    async def user_role_add(self, info: Info, id: UserId, role_id: RoleId) -> UserRightsPayload | None:
        """Give a role."""
        key, role = decode_as("User", id), decode_as("Role", role_id, path=("roleId",))
        user = await resolve.add_role(info.context.caller, key, role)
        return UserRightsPayload(user=shown(user))

    @requires(Resource.USER, Operation.EDIT, description="Take a role from a user.")
    @reported(UserRightsPayload)
    async def user_role_remove(self, info: Info, id: UserId, role_id: RoleId) -> UserRightsPayload | None:
        """Take a role."""
        key, role = decode_as("User", id), decode_as("Role", role_id, path=("roleId",))
        user = await resolve.remove_role(info.context.caller, key, role)
        return UserRightsPayload(user=shown(user))

    @requires(Resource.USER, Operation.EDIT, description="Let a user hold a rule that the caller holds.")
    @reported(UserRightsPayload)
    async def user_rule_add(self, info: Info, id: UserId, rule: Text) -> UserRightsPayload | None:
        """Give a rule."""
        user = await resolve.add_rule(info.context.caller, decode_as("User", id), rule)
        return UserRightsPayload(user=shown(user))

    @requires(Resource.USER, Operation.EDIT, description="Take a rule that a user holds directly.")
    @reported(UserRightsPayload)
    async def user_rule_remove(self, info: Info, id: UserId, rule: Text) -> UserRightsPayload | None:
        """Take a rule."""
        user = await resolve.remove_rule(info.context.caller, decode_as("User", id), rule)
        return UserRightsPayload(user=shown(user))
