"""Resolvers that grant and revoke object roles on workstations, for users and organizations."""

from collections.abc import Sequence

from models.accounts.roles import ObjectRole, Resource
from models.permissions.principal import Actor, Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.policies.sessions import workstations as policy
from models.services.accounts import grants
from models.services.accounts.permission_changes import changing
from models.services.sessions import workstations
from models.sessions.workstations import Workstation
from resolvers.bulk import ItemError, for_each
from resolvers.guards import require, visible


async def add_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Workstation:
    """Grant a user an object role on the workstation."""
    async with changing(principal) as caller:
        workstation = await _shareable(caller, key)
        await _add(caller, workstation, username, role)
    return workstation


async def add_users(
    principal: Principal, key: int, usernames: Sequence[str], role: ObjectRole, *, all_or_none: bool
) -> tuple[Workstation, Sequence[ItemError | None]]:
    """Grant many users an object role on the workstation."""
    workstation = await _shareable(principal, key)

    async def add(caller: Principal, username: str) -> None:
        await _add(caller, workstation, username, role)

    return workstation, await for_each(principal, usernames, add, all_or_none=all_or_none)


async def _add(caller: Principal, workstation: Workstation, username: str, role: ObjectRole) -> None:
    user = await account_policy.get_by_username(username)
    await _require(caller, Action.WORKSTATION_USER_ADD, workstation, role, user.id)
    await workstations.grant(workstation, user.id, role, actor=Actor.from_principal(caller))


async def remove_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Workstation:
    """Revoke a user's object role on the workstation."""
    async with changing(principal) as caller:
        workstation = await _shareable(caller, key)
        await _remove(caller, workstation, username, role)
    return workstation


async def remove_users(
    principal: Principal, key: int, usernames: Sequence[str], role: ObjectRole, *, all_or_none: bool
) -> tuple[Workstation, Sequence[ItemError | None]]:
    """Revoke many users' object role on the workstation."""
    workstation = await _shareable(principal, key)

    async def remove(caller: Principal, username: str) -> None:
        await _remove(caller, workstation, username, role)

    return workstation, await for_each(principal, usernames, remove, all_or_none=all_or_none)


async def _remove(caller: Principal, workstation: Workstation, username: str, role: ObjectRole) -> None:
    user = await account_policy.get_by_username(username)
    await _require(caller, Action.WORKSTATION_USER_REMOVE, workstation, role, user.id)
    await workstations.revoke_grant(workstation, user.id, role, actor=Actor.from_principal(caller))


async def _shareable(principal: Principal, key: int) -> Workstation:
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_USER_ADD, workstation)
    return workstation


async def add_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Workstation:
    """Grant all members of an organization an object role on the workstation."""
    async with changing(principal) as caller:
        workstation = await visible(policy.readable(caller), key)
        await _require(caller, Action.WORKSTATION_ORGANIZATION_ADD, workstation, role, None)
        organization = await visible(organization_policy.readable(caller), organization_id)
        await grants.grant(workstation, role, organization_id=organization.id, actor=Actor.from_principal(caller))
    return workstation


async def remove_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Workstation:
    """Revoke an organization's object role on the workstation."""
    async with changing(principal) as caller:
        workstation = await visible(policy.readable(caller), key)
        await _require(caller, Action.WORKSTATION_ORGANIZATION_REMOVE, workstation, role, None)
        await grants.revoke(workstation, role, organization_id=organization_id, actor=Actor.from_principal(caller))
    return workstation


async def _require(
    principal: Principal, action: Action, workstation: Workstation, role: ObjectRole, user_id: int | None
) -> None:
    grants.check_role(Resource.WORKSTATION, role)
    await require(principal, action, workstation, role, user_id)
