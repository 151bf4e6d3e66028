"""Answer what is asked of organizations."""

from models.accounts import User
from models.actors import Actor
from models.organizations import MemberRole, Membership, Organization
from models.policies import accounts as account_policy
from models.policies import organizations as policy
from models.policies.actions import Action
from models.principal import Principal
from models.services import organizations
from models.services.rights import changing
from resolvers.guards import require, visible


async def create(principal: Principal, name: str) -> Organization:
    """Found an organization."""
    await require(principal, Action.ORGANIZATION_CREATE)
    return await organizations.create(name, actor=Actor.of(principal))


async def add_member(principal: Principal, key: int, username: str, role: MemberRole) -> Organization:
    """Make somebody a member, or give a member another role."""
    async with changing(principal) as giver:
        organization, user = await _managed(giver, key, username)
        await _require(giver, Action.ORGANIZATION_MEMBER_ADD, organization, user, role)
        await organizations.add_member(organization, user, role, actor=Actor.of(giver))
    return organization


async def remove_member(principal: Principal, key: int, username: str) -> Organization:
    """End somebody's membership."""
    async with changing(principal) as taker:
        organization, user = await _managed(taker, key, username)
        await _require(taker, Action.ORGANIZATION_MEMBER_REMOVE, organization, user)
        await organizations.remove_member(organization, user, actor=Actor.of(taker))
    return organization


async def _managed(principal: Principal, key: int, username: str) -> tuple[Organization, User]:
    organization = await visible(policy.readable(principal), key)
    await require(principal, Action.ORGANIZATION_MEMBER_ADD, organization)
    return organization, await account_policy.named(username)


async def _require(
    principal: Principal, action: Action, organization: Organization, user: User, *given: MemberRole
) -> None:
    """Require that the principal holds what is given, and what the member role of before gave."""
    before = await Membership.filter(organization_id=organization.id, user_id=user.id)
    await require(principal, action, organization, user.id, *given, *(each.role for each in before))
