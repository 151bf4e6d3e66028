"""Answer what is asked of organizations."""

from models.actors import Actor
from models.organizations import MemberRole, Membership, Organization
from models.policies import accounts as account_policy
from models.policies import organizations as policy
from models.principal import Principal
from models.services import organizations
from resolvers.guards import require, visible


async def create(principal: Principal, name: str) -> Organization:
    """Found an organization."""
    require(policy.can_create(principal))
    return await organizations.create(name, actor=Actor.of(principal))


async def add_member(principal: Principal, key: int, username: str, role: MemberRole) -> Organization:
    """Make somebody a member, or give a member another role."""
    organization = await _managed(principal, key)
    user = await account_policy.named(username)
    await organizations.add_member(organization, user, role, actor=Actor.of(principal))
    return organization


async def remove_member(principal: Principal, key: int, username: str) -> Organization:
    """End somebody's membership."""
    organization = await _managed(principal, key)
    user = await account_policy.named(username)
    await organizations.remove_member(organization, user, actor=Actor.of(principal))
    return organization


async def _managed(principal: Principal, key: int) -> Organization:
    organization = await visible(policy.readable(principal), key)
    own = await Membership.get_or_none(organization_id=key, user_id=principal.user_id)
    require(policy.can_manage(principal, organization, own))
    return organization
