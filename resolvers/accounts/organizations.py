"""Resolvers of organizations. `members` has their members."""

from models.accounts.organizations import Organization
from models.permissions.principal import Actor, Principal
from models.policies.accounts import organizations as policy
from models.policies.authorization import Action
from models.services.accounts import organizations
from resolvers.guards import require
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


async def create(principal: Principal, name: str) -> Organization:
    """Create an organization."""
    await require(principal, Action.ORGANIZATION_CREATE)
    return await organizations.create(name, actor=Actor.from_principal(principal))
