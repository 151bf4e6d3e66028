"""Workstations are shared with people and groups, and taken from them."""

from collections.abc import Sequence

from models.accounts.roles import ObjectRole, Resource
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.policies.sessions import workstations as policy
from models.services.accounts import grants
from models.services.accounts.permission_changes import changing
from models.services.sessions import workstations
from models.sessions.workstations import Workstation
from resolvers.bulk import Fault, for_each
from resolvers.guards import require, visible


async def add_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Workstation:
    """Let somebody use or edit the workstation."""
    async with changing(principal) as giver:
        workstation = await _shared(giver, key)
        await _add(giver, workstation, username, role)
    return workstation


async def add_users(
    principal: Principal, key: int, usernames: Sequence[str], role: ObjectRole, *, all_or_none: bool
) -> tuple[Workstation, Sequence[Fault | None]]:
    """Let many people use or edit the workstation."""
    workstation = await _shared(principal, key)

    async def add(giver: Principal, username: str) -> None:
        await _add(giver, workstation, username, role)

    return workstation, await for_each(principal, usernames, add, all_or_none=all_or_none)


async def _add(giver: Principal, workstation: Workstation, username: str, role: ObjectRole) -> None:
    user = await account_policy.named(username)
    await _require(giver, Action.WORKSTATION_USER_ADD, workstation, role, user.id)
    await workstations.grant(workstation, user.id, role, actor=Actor.of(giver))


async def remove_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Workstation:
    """Take an object role on the workstation away from somebody."""
    async with changing(principal) as taker:
        workstation = await _shared(taker, key)
        await _remove(taker, workstation, username, role)
    return workstation


async def remove_users(
    principal: Principal, key: int, usernames: Sequence[str], role: ObjectRole, *, all_or_none: bool
) -> tuple[Workstation, Sequence[Fault | None]]:
    """Take an object role on the workstation away from many people."""
    workstation = await _shared(principal, key)

    async def remove(taker: Principal, username: str) -> None:
        await _remove(taker, workstation, username, role)

    return workstation, await for_each(principal, usernames, remove, all_or_none=all_or_none)


async def _remove(taker: Principal, workstation: Workstation, username: str, role: ObjectRole) -> None:
    user = await account_policy.named(username)
    await _require(taker, Action.WORKSTATION_USER_REMOVE, workstation, role, user.id)
    await workstations.revoke_grant(workstation, user.id, role, actor=Actor.of(taker))


async def _shared(principal: Principal, key: int) -> Workstation:
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_USER_ADD, workstation)
    return workstation


async def add_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Workstation:
    """Let all members of an organization use or edit the workstation."""
    async with changing(principal) as giver:
        workstation = await visible(policy.readable(giver), key)
        await _require(giver, Action.WORKSTATION_ORGANIZATION_ADD, workstation, role, None)
        organization = await visible(organization_policy.readable(giver), organization_id)
        await grants.give(workstation, role, organization_id=organization.id, actor=Actor.of(giver))
    return workstation


async def remove_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Workstation:
    """Take an object role on the workstation away from the members of an organization."""
    async with changing(principal) as taker:
        workstation = await visible(policy.readable(taker), key)
        await _require(taker, Action.WORKSTATION_ORGANIZATION_REMOVE, workstation, role, None)
        await grants.take(workstation, role, organization_id=organization_id, actor=Actor.of(taker))
    return workstation


async def _require(
    principal: Principal, action: Action, workstation: Workstation, role: ObjectRole, user_id: int | None
) -> None:
    grants.check_role(Resource.WORKSTATION, role)
    await require(principal, action, workstation, role, user_id)
