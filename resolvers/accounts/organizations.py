"""Answer what is asked of organizations."""

from collections.abc import Sequence

from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.users import User
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.accounts import organizations as policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.services.accounts import organizations
from models.services.accounts.permission_changes import changing
from resolvers.bulk import Fault, for_each
from resolvers.guards import require, visible


async def create(principal: Principal, name: str) -> Organization:
    """Found an organization."""
    await require(principal, Action.ORGANIZATION_CREATE)
    return await organizations.create(name, actor=Actor.of(principal))


async def add_member(principal: Principal, key: int, username: str, role: MemberRole) -> Organization:
    """Make somebody a member, or give a member another role."""
    async with changing(principal) as giver:
        organization = await _managed(giver, key)
        await _add(giver, organization, username, role)
    return organization


async def add_members(
    principal: Principal, key: int, usernames: Sequence[str], role: MemberRole, *, all_or_none: bool
) -> tuple[Organization, Sequence[Fault | None]]:
    """Make many people members, or give members another role."""
    organization = await _managed(principal, key)

    async def add(giver: Principal, username: str) -> None:
        await _add(giver, organization, username, role)

    return organization, await for_each(principal, usernames, add, all_or_none=all_or_none)


async def _add(giver: Principal, organization: Organization, username: str, role: MemberRole) -> None:
    user = await account_policy.named(username)
    await _require(giver, Action.ORGANIZATION_MEMBER_ADD, organization, user, role)
    await organizations.add_member(organization, user, role, actor=Actor.of(giver))


async def remove_member(principal: Principal, key: int, username: str) -> Organization:
    """End somebody's membership."""
    async with changing(principal) as taker:
        organization = await _managed(taker, key)
        await _remove(taker, organization, username)
    return organization


async def remove_members(
    principal: Principal, key: int, usernames: Sequence[str], *, all_or_none: bool
) -> tuple[Organization, Sequence[Fault | None]]:
    """End the memberships of many people."""
    organization = await _managed(principal, key)

    async def remove(taker: Principal, username: str) -> None:
        await _remove(taker, organization, username)

    return organization, await for_each(principal, usernames, remove, all_or_none=all_or_none)


async def _remove(taker: Principal, organization: Organization, username: str) -> None:
    user = await account_policy.named(username)
    await _require(taker, Action.ORGANIZATION_MEMBER_REMOVE, organization, user)
    await organizations.remove_member(organization, user, actor=Actor.of(taker))


async def _managed(principal: Principal, key: int) -> Organization:
    organization = await visible(policy.readable(principal), key)
    await require(principal, Action.ORGANIZATION_MEMBER_ADD, organization)
    return organization


async def _require(
    principal: Principal, action: Action, organization: Organization, user: User, *given: MemberRole
) -> None:
    """Require that the principal holds what is given, and what the member role of before gave."""
    before = await Membership.filter(organization_id=organization.id, user_id=user.id)
    await require(principal, action, organization, user.id, *given, *(each.role for each in before))
