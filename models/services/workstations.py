"""Make workstations, edit them, and grant people their use."""

from tortoise.expressions import F

from core.clock import now
from core.database import transaction
from core.errors import BadInput, Conflict
from models.access import ObjectRole, Resource
from models.actors import Actor
from models.images import Image, ImageState
from models.services import grants, history
from models.services.organizations import slugify
from models.workstations import Workstation

TITLE_LIMIT = 128


async def create(title: str, *, actor: Actor, description: str = "", is_public: bool = False) -> Workstation:
    """Make a workstation whose creator is its first editor."""
    _check(title=title, description=description)
    slug = await _free_slug(title)
    async with transaction():
        workstation = await Workstation.create(
            title=title.strip(), slug=slug, description=description, is_public=is_public, creator_id=actor.user_id
        )
        await history.record(Resource.WORKSTATION, workstation.id, "create", actor)
        if actor.user_id is not None:
            await grant(workstation, actor.user_id, ObjectRole.WORKSTATION_EDITOR, actor=actor)
    return workstation


def _check(title: str | bool | None = None, description: str | bool | None = None, **_others: str | bool) -> None:
    if isinstance(title, str) and not (title.strip() and len(title) <= TITLE_LIMIT and title.isprintable()):
        raise BadInput(f"A title has 1 to {TITLE_LIMIT} printable characters.", path=("title",))
    if isinstance(description, str) and "\0" in description:
        raise BadInput("A description has no zero bytes.", path=("description",))


async def _free_slug(title: str) -> str:
    slug = slugify(title)
    if not slug:
        raise BadInput("A title has at least one letter or digit.", path=("title",))
    taken = {row.slug for row in await Workstation.filter(slug__startswith=slug[:56]).only("slug")}
    number, free = 1, slug
    while free in taken:
        number += 1
        free = f"{slug[:56]}-{number}"
    return free


async def update(workstation: Workstation, changes: dict[str, str | bool], *, version: int, actor: Actor) -> None:
    """Change title, description or publicity; Conflict when somebody changed it since `version`."""
    _check(**changes)
    async with transaction():
        rows = Workstation.filter(id=workstation.id, version=version)
        if not await rows.update(**changes, version=F("version") + 1, updated_at=now()):
            raise Conflict("The workstation changed meanwhile; read it again.")
        await history.record(Resource.WORKSTATION, workstation.id, "update", actor, detail=dict(changes))
    await workstation.refresh_from_db()


async def grant(workstation: Workstation, user_id: int, role: ObjectRole, *, actor: Actor) -> None:
    """Let a user use or edit the workstation; harmless when they already may."""
    await grants.give(workstation, role, user_id=user_id, actor=actor)


async def revoke_grant(workstation: Workstation, user_id: int, role: ObjectRole, *, actor: Actor) -> None:
    """Take an object role away; harmless when it was not held."""
    await grants.take(workstation, role, user_id=user_id, actor=actor)


async def active_image(workstation_id: int) -> Image | None:
    """Return the image that a new session of the workstation runs, or None while there is none."""
    return await Image.filter(workstation_id=workstation_id, is_desired=True, state=ImageState.READY).first()
