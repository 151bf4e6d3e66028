"""Resolvers that grant and revoke object roles on data sessions, for users and organizations."""

from models.accounts.roles import ObjectRole, Resource
from models.data.datasessions import Datasession
from models.permissions.principal import Actor, Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.policies.data import datasessions as policy
from models.services.accounts import grants
from models.services.accounts.permission_changes import changing
from resolvers.guards import require, visible


async def add_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Datasession:
    """Grant a user an object role on the data session."""
    async with changing(principal) as caller:
        datasession = await _shareable(caller, key)
        user = await account_policy.get_by_username(username)
        await _require(caller, Action.DATASESSION_USER_ADD, datasession, role, user.id)
        await grants.grant(datasession, role, user_id=user.id, actor=Actor.from_principal(caller))
    return datasession


async def remove_user(principal: Principal, key: int, username: str, role: ObjectRole) -> Datasession:
    """Revoke a user's object role on the data session."""
    async with changing(principal) as caller:
        datasession = await _shareable(caller, key)
        user = await account_policy.get_by_username(username)
        await _require(caller, Action.DATASESSION_USER_REMOVE, datasession, role, user.id)
        await grants.revoke(datasession, role, user_id=user.id, actor=Actor.from_principal(caller))
    return datasession


async def add_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Datasession:
    """Grant all members of an organization an object role on the data session."""
    async with changing(principal) as caller:
        datasession = await visible(policy.readable(caller), key)
        await _require(caller, Action.DATASESSION_ORGANIZATION_ADD, datasession, role, None)
        organization = await visible(organization_policy.readable(caller), organization_id)
        await grants.grant(datasession, role, organization_id=organization.id, actor=Actor.from_principal(caller))
    return datasession


async def remove_organization(principal: Principal, key: int, organization_id: int, role: ObjectRole) -> Datasession:
    """Revoke an organization's object role on the data session."""
    async with changing(principal) as caller:
        datasession = await visible(policy.readable(caller), key)
        await _require(caller, Action.DATASESSION_ORGANIZATION_REMOVE, datasession, role, None)
        await grants.revoke(datasession, role, organization_id=organization_id, actor=Actor.from_principal(caller))
    return datasession


async def _shareable(principal: Principal, key: int) -> Datasession:
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_USER_ADD, datasession)
    return datasession


async def _require(
    principal: Principal, action: Action, datasession: Datasession, role: ObjectRole, user_id: int | None
) -> None:
    grants.check_role(Resource.DATASESSION, role)
    await require(principal, action, datasession, role, user_id)
