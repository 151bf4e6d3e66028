"""Resolvers of user accounts."""

from models.accounts.users import User
from models.permissions.principal import Actor, Principal
from models.permissions.rules import parse_known_rules as known_rules
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import users as policy
from models.policies.authorization import Action
from models.services.accounts import roles, users
from models.services.accounts.permission_changes import changing
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


async def create_user(
    principal: Principal, username: str, password: str, role: str, organization_id: int | None
) -> User:
    """Create a user account with a default role. The caller must hold every rule of that role."""
    await require(principal, Action.USER_CREATE, None, organization_id)
    hashed = await users.validate_and_hash(username, password)
    async with changing(principal) as caller:
        granted = known_rules((await roles.get_default(role)).rules)
        await require(caller, Action.USER_CREATE, None, organization_id, granted)
        if organization_id is not None:
            await visible(organization_policy.readable(caller), organization_id)
        return await users.create_with_hash(
            username, hashed, actor=Actor.from_principal(caller), role=role, home_organization_id=organization_id
        )
