"""Resolvers of collaborations: create, rename, add and remove organizations."""

from collections.abc import Sequence

from core.errors import BadInput, NotFound
from models.accounts.collaborations import Collaboration
from models.accounts.organizations import Organization
from models.permissions.principal import Actor, Principal
from models.policies.accounts import collaborations as policy
from models.policies.accounts import organizations as organization_policy
from models.policies.authorization import Action
from models.services.accounts import collaborations
from models.services.accounts.permission_changes import changing
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

MAX_ORGANIZATIONS = 100

reader = RowReader(policy.readable)


async def create(
    principal: Principal, name: str, organization_ids: Sequence[int], *, is_encrypted: bool
) -> Collaboration:
    """Create a collaboration of organizations."""
    async with changing(principal) as caller:
        await require(caller, Action.COLLABORATION_CREATE)
        organizations = await _visible_organizations(caller, organization_ids)
        return await collaborations.create(
            name, organizations, actor=Actor.from_principal(caller), is_encrypted=is_encrypted
        )


async def _visible_organizations(principal: Principal, keys: Sequence[int]) -> list[Organization]:
    if len(keys) > MAX_ORGANIZATIONS:
        raise BadInput(f"Give at most {MAX_ORGANIZATIONS} organizations.", path=("organizationIds",))
    found = await organization_policy.readable(principal).filter(id__in=list(keys)).order_by("id")
    if len(found) < len(set(keys)):
        raise NotFound("One of these organizations does not exist, or you may not see it.")
    return found


async def update(principal: Principal, key: int, name: str, expected_version: int | None) -> Collaboration:
    """Rename a collaboration; with `expected_version`, only if it was not changed since."""
    async with changing(principal) as caller:
        collaboration = await visible(policy.readable(caller), key)
        await require(caller, Action.COLLABORATION_UPDATE, collaboration)
        version = collaboration.version if expected_version is None else expected_version
        await collaborations.rename(collaboration, name, version=version, actor=Actor.from_principal(caller))
    return collaboration


async def add_organization(principal: Principal, key: int, organization_id: int) -> Collaboration:
    """Add an organization to a collaboration."""
    async with changing(principal) as caller:
        collaboration = await visible(policy.readable(caller), key)
        await require(caller, Action.COLLABORATION_ORGANIZATION_ADD, collaboration)
        organization = await visible(organization_policy.readable(caller), organization_id)
        await require(caller, Action.COLLABORATION_ORGANIZATION_ADD, collaboration, organization.id)
        await collaborations.add(collaboration, organization, actor=Actor.from_principal(caller))
    return collaboration


async def remove_organization(principal: Principal, key: int, organization_id: int) -> Collaboration:
    """Remove an organization from a collaboration."""
    async with changing(principal) as caller:
        collaboration = await visible(policy.readable(caller), key)
        await require(caller, Action.COLLABORATION_ORGANIZATION_REMOVE, collaboration)
        await collaborations.remove(collaboration, organization_id, actor=Actor.from_principal(caller))
    return collaboration
