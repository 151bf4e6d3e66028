"""Answer what is asked of collaborations."""

from collections.abc import Sequence

from core.errors import BadInput, NotFound
from models.accounts.collaborations import Collaboration
from models.accounts.organizations import Organization
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.accounts import collaborations as policy
from models.policies.accounts import organizations as organization_policy
from models.policies.authorization import Action
from models.services.accounts import collaborations
from models.services.accounts.permission_changes import changing
from resolvers.guards import require, visible

MOST = 100


async def create(
    principal: Principal, name: str, organization_ids: Sequence[int], *, is_encrypted: bool
) -> Collaboration:
    """Found a collaboration."""
    async with changing(principal) as founder:
        await require(founder, Action.COLLABORATION_CREATE)
        organizations = await _all(founder, organization_ids)
        return await collaborations.create(name, organizations, actor=Actor.of(founder), is_encrypted=is_encrypted)


async def _all(principal: Principal, keys: Sequence[int]) -> list[Organization]:
    if len(keys) > MOST:
        raise BadInput(f"At most {MOST} organizations at once.", path=("organizationIds",))
    found = await organization_policy.readable(principal).filter(id__in=list(keys)).order_by("id")
    if len(found) < len(set(keys)):
        raise NotFound("One of these organizations is not there, or you may not see it.")
    return found


async def update(principal: Principal, key: int, name: str, expected_version: int | None) -> Collaboration:
    """Rename a collaboration; with `expected_version`, only if nobody changed it since."""
    async with changing(principal) as editor:
        collaboration = await visible(policy.readable(editor), key)
        await require(editor, Action.COLLABORATION_UPDATE, collaboration)
        version = collaboration.version if expected_version is None else expected_version
        await collaborations.rename(collaboration, name, version=version, actor=Actor.of(editor))
    return collaboration


async def add_organization(principal: Principal, key: int, organization_id: int) -> Collaboration:
    """Let an organization take part."""
    async with changing(principal) as editor:
        collaboration = await visible(policy.readable(editor), key)
        await require(editor, Action.COLLABORATION_ORGANIZATION_ADD, collaboration)
        organization = await visible(organization_policy.readable(editor), organization_id)
        await require(editor, Action.COLLABORATION_ORGANIZATION_ADD, collaboration, organization.id)
        await collaborations.add(collaboration, organization, actor=Actor.of(editor))
    return collaboration


async def remove_organization(principal: Principal, key: int, organization_id: int) -> Collaboration:
    """Let an organization leave."""
    async with changing(principal) as editor:
        collaboration = await visible(policy.readable(editor), key)
        await require(editor, Action.COLLABORATION_ORGANIZATION_REMOVE, collaboration)
        await collaborations.remove(collaboration, organization_id, actor=Actor.of(editor))
    return collaboration
