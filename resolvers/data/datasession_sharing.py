"""Data sessions are shared with people and groups, and taken from them."""

from models.accounts.roles import ObjectRole, Resource
from models.data.datasessions import Datasession
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.policies.data import datasessions as policy
from models.services.accounts import grants
from models.services.accounts.permission_changes import changing
from resolvers.guards import require, visible


async def add_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Datasession:
    """Let somebody see the data session, or work in it."""
    async with changing(principal) as giver:
        datasession = await _shared(giver, key)
        user = await account_policy.named(username)
        await _require(giver, Action.DATASESSION_USER_ADD, datasession, role, user.id)
        await grants.give(datasession, role, user_id=user.id, actor=Actor.of(giver))
    return datasession


async def remove_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Datasession:
    """Take an object role on the data session from somebody."""
    async with changing(principal) as taker:
        datasession = await _shared(taker, key)
        user = await account_policy.named(username)
        await _require(taker, Action.DATASESSION_USER_REMOVE, datasession, role, user.id)
        await grants.take(datasession, role, user_id=user.id, actor=Actor.of(taker))
    return datasession


async def add_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Datasession:
    """Let all members of an organization see the data session, or work in it."""
    async with changing(principal) as giver:
        datasession = await visible(policy.readable(giver), key)
        await _require(giver, Action.DATASESSION_ORGANIZATION_ADD, datasession, role, None)
        organization = await visible(organization_policy.readable(giver), organization_id)
        await grants.give(datasession, role, organization_id=organization.id, actor=Actor.of(giver))
    return datasession


async def remove_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Datasession:
    """Take an object role on the data session from the members of an organization."""
    async with changing(principal) as taker:
        datasession = await visible(policy.readable(taker), key)
        await _require(taker, Action.DATASESSION_ORGANIZATION_REMOVE, datasession, role, None)
        await grants.take(datasession, role, organization_id=organization_id, actor=Actor.of(taker))
    return datasession


async def _shared(principal: Principal, key: int) -> Datasession:
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_USER_ADD, datasession)
    return datasession


async def _require(
    principal: Principal, action: Action, datasession: Datasession, role: ObjectRole, user_id: int | None
) -> None:
    grants.check_role(Resource.DATASESSION, role)
    await require(principal, action, datasession, role, user_id)
