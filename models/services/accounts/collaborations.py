"""Creates and renames collaborations, and adds and removes their organizations."""

from collections.abc import Sequence

from tortoise.expressions import F

from core.errors import BadInput, Conflict
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.organizations import Organization
from models.accounts.roles import Resource
from models.permissions.principal import Actor
from models.services.accounts import history
from models.services.accounts.permission_changes import serialized

NAME_LIMIT = 128


async def create(
    name: str, organizations: Sequence[Organization], *, actor: Actor, is_encrypted: bool = True
) -> Collaboration:
    """Create a collaboration of at least one organization. BadInput if the name is invalid or taken."""
    if not organizations:
        raise BadInput("A collaboration needs at least one organization.", path=("organizationIds",))
    async with serialized():
        collaboration = await Collaboration.create(name=await _validated_name(name), is_encrypted=is_encrypted)
        await Participant.bulk_create(
            [Participant(collaboration_id=collaboration.id, organization_id=each.id) for each in organizations]
        )
        detail = {"name": collaboration.name, "organizations": [each.id for each in organizations]}
        await history.record(Resource.COLLABORATION, collaboration.id, "create", actor, detail=detail)
    return collaboration


async def _validated_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"A collaboration's name must have 1 to {NAME_LIMIT} printable characters.", path=("name",))
    if await Collaboration.filter(name=name).exists():
        raise BadInput("This name is taken; choose another one.", path=("name",))
    return name


async def rename(collaboration: Collaboration, name: str, *, version: int, actor: Actor) -> None:
    """Rename the collaboration. Conflict if it was changed since `version`."""
    async with serialized():
        before, after = collaboration.name, await _validated_name(name)
        rows = Collaboration.filter(id=collaboration.id, version=version)
        if not await rows.update(name=after, version=F("version") + 1):
            raise Conflict("The collaboration was changed by another user; read it again.")
        detail = {"name": after, "before": before}
        await history.record(Resource.COLLABORATION, collaboration.id, "rename", actor, detail=detail)
    await collaboration.refresh_from_db()


async def add(collaboration: Collaboration, organization: Organization, *, actor: Actor) -> None:
    """Add an organization. Does nothing if it participates already."""
    async with serialized():
        if not await Participant.filter(collaboration_id=collaboration.id, organization_id=organization.id).exists():
            await Participant.create(collaboration_id=collaboration.id, organization_id=organization.id)
            await _record(collaboration, "add_organization", organization.id, actor)


async def remove(collaboration: Collaboration, organization_id: int, *, actor: Actor) -> None:
    """Remove an organization. Does nothing if it does not participate. Conflict for the last one."""
    others = Participant.filter(collaboration_id=collaboration.id).exclude(organization_id=organization_id)
    async with serialized():
        participation = Participant.filter(collaboration_id=collaboration.id, organization_id=organization_id)
        if await participation.delete():
            if not await others.exists():
                raise Conflict("The last organization cannot be removed; add another one first.")
            await _record(collaboration, "remove_organization", organization_id, actor)


async def _record(collaboration: Collaboration, action: str, organization_id: int, actor: Actor) -> None:
    detail = {"organization": organization_id}
    await history.record(Resource.COLLABORATION, collaboration.id, action, actor, detail=detail)
