"""Resolvers of members of organizations: add and remove one or many."""

from collections.abc import Sequence

from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.users import User
from models.permissions.principal import Actor, Principal
from models.policies.accounts import organizations as policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.services.accounts import organizations
from models.services.accounts.permission_changes import changing
from resolvers.bulk import ItemError, for_each
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable_memberships)


async def add(principal: Principal, key: int, username: str, role: MemberRole) -> Organization:
    """Add a member, or change a member's role."""
    async with changing(principal) as caller:
        organization = await _manageable(caller, key)
        await _add(caller, organization, username, role)
    return organization


async def add_many(
    principal: Principal, key: int, usernames: Sequence[str], role: MemberRole, *, all_or_none: bool
) -> tuple[Organization, Sequence[ItemError | None]]:
    """Add many members, or change their roles."""
    organization = await _manageable(principal, key)

    async def add(caller: Principal, username: str) -> None:
        await _add(caller, organization, username, role)

    return organization, await for_each(principal, usernames, add, all_or_none=all_or_none)


async def _add(caller: Principal, organization: Organization, username: str, role: MemberRole) -> None:
    user = await account_policy.get_by_username(username)
    await _require(caller, Action.ORGANIZATION_MEMBER_ADD, organization, user, role)
    await organizations.add_member(organization, user, role, actor=Actor.from_principal(caller))


async def remove(principal: Principal, key: int, username: str) -> Organization:
    """Remove a member."""
    async with changing(principal) as caller:
        organization = await _manageable(caller, key)
        await _remove(caller, organization, username)
    return organization


async def remove_many(
    principal: Principal, key: int, usernames: Sequence[str], *, all_or_none: bool
) -> tuple[Organization, Sequence[ItemError | None]]:
    """Remove many members."""
    organization = await _manageable(principal, key)

    async def remove(caller: Principal, username: str) -> None:
        await _remove(caller, organization, username)

    return organization, await for_each(principal, usernames, remove, all_or_none=all_or_none)


async def _remove(caller: Principal, organization: Organization, username: str) -> None:
    user = await account_policy.get_by_username(username)
    await _require(caller, Action.ORGANIZATION_MEMBER_REMOVE, organization, user)
    await organizations.remove_member(organization, user, actor=Actor.from_principal(caller))


async def _manageable(principal: Principal, key: int) -> Organization:
    organization = await visible(policy.readable(principal), key)
    await require(principal, Action.ORGANIZATION_MEMBER_ADD, organization)
    return organization


async def _require(
    principal: Principal, action: Action, organization: Organization, user: User, *roles: MemberRole
) -> None:
    # Replacing a role also revokes the former one, so the principal must hold the rules of both.
    former = await Membership.filter(organization_id=organization.id, user_id=user.id)
    await require(principal, action, organization, user.id, *roles, *(each.role for each in former))
