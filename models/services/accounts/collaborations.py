"""Found collaborations, rename them, and let organizations take part or leave."""

from collections.abc import Sequence

from tortoise.expressions import F

from core.errors import BadInput, Conflict
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.organizations import Organization
from models.accounts.roles import Resource
from models.permissions.actor import Actor
from models.services.accounts import history
from models.services.accounts.permission_changes import alone

NAME_LIMIT = 128


async def create(
    name: str, organizations: Sequence[Organization], *, actor: Actor, is_encrypted: bool = True
) -> Collaboration:
    """Found a collaboration of at least one organization; BadInput when the name is none or taken."""
    if not organizations:
        raise BadInput("A collaboration has at least one organization.", path=("organizationIds",))
    async with alone():
        collaboration = await Collaboration.create(name=await _free(name), is_encrypted=is_encrypted)
        await Participant.bulk_create(
            [Participant(collaboration_id=collaboration.id, organization_id=each.id) for each in organizations]
        )
        detail = {"name": collaboration.name, "organizations": [each.id for each in organizations]}
        await history.record(Resource.COLLABORATION, collaboration.id, "create", actor, detail=detail)
    return collaboration


async def _free(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"A collaboration's name has 1 to {NAME_LIMIT} printable characters.", path=("name",))
    if await Collaboration.filter(name=name).exists():
        raise BadInput("This name is taken.", path=("name",))
    return name


async def rename(collaboration: Collaboration, name: str, *, version: int, actor: Actor) -> None:
    """Give it another name; Conflict when somebody changed it since `version`."""
    async with alone():
        before, after = collaboration.name, await _free(name)
        rows = Collaboration.filter(id=collaboration.id, version=version)
        if not await rows.update(name=after, version=F("version") + 1):
            raise Conflict("The collaboration changed meanwhile; read it again.")
        detail = {"name": after, "before": before}
        await history.record(Resource.COLLABORATION, collaboration.id, "rename", actor, detail=detail)
    await collaboration.refresh_from_db()


async def add(collaboration: Collaboration, organization: Organization, *, actor: Actor) -> None:
    """Let an organization take part; harmless when it does."""
    async with alone():
        if not await Participant.filter(collaboration_id=collaboration.id, organization_id=organization.id).exists():
            await Participant.create(collaboration_id=collaboration.id, organization_id=organization.id)
            await _record(collaboration, "add_organization", organization.id, actor)


async def remove(collaboration: Collaboration, organization_id: int, *, actor: Actor) -> None:
    """Let an organization leave; harmless when it took no part, Conflict for the last one."""
    others = Participant.filter(collaboration_id=collaboration.id).exclude(organization_id=organization_id)
    async with alone():
        mine = Participant.filter(collaboration_id=collaboration.id, organization_id=organization_id)
        if await mine.delete():
            if not await others.exists():
                raise Conflict("The last organization stays; let another one take part first.")
            await _record(collaboration, "remove_organization", organization_id, actor)


async def _record(collaboration: Collaboration, action: str, organization_id: int, actor: Actor) -> None:
    detail = {"organization": organization_id}
    await history.record(Resource.COLLABORATION, collaboration.id, action, actor, detail=detail)
