"""Make workstations, edit them, and grant people their use."""

from collections.abc import Mapping
from typing import Any

import orjson
from tortoise.expressions import F

from core.bytesize import KIB, readable
from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from models.accounts.roles import ObjectRole, Resource
from models.permissions.actor import Actor
from models.services.accounts import grants, history
from models.services.accounts.organizations import slugify
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation

TITLE_LIMIT = 128
CONFIGURATION_LIMIT = 32 * KIB
"""An environment variable that a container is given has room for it."""


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


def _check(title: str | None = None, description: str | None = None, configuration: Any = None, **_: Any) -> None:
    if isinstance(title, str) and not (title.strip() and len(title) <= TITLE_LIMIT and title.isprintable()):
        raise BadInput(f"A title has 1 to {TITLE_LIMIT} printable characters.", path=("title",))
    if isinstance(description, str) and "\0" in description:
        raise BadInput("A description has no zero bytes.", path=("description",))
    if configuration is not None:
        _check_configuration(configuration)


def _check_configuration(configuration: Any) -> None:
    if not isinstance(configuration, dict):
        raise BadInput("A configuration is a JSON object; give {} for none.", path=("configuration",))
    try:
        size = len(orjson.dumps(configuration))
    except orjson.JSONEncodeError as error:
        raise BadInput(f"The configuration cannot be written as JSON: {error}.", path=("configuration",)) from error
    if size > CONFIGURATION_LIMIT:
        raise BadInput(
            f"A configuration has at most {readable(CONFIGURATION_LIMIT)} as JSON; this one has {readable(size)}.",
            path=("configuration",),
        )


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


async def update(workstation: Workstation, changes: Mapping[str, Any], *, version: int, actor: Actor) -> None:
    """Change title, description, publicity or configuration; Conflict when somebody changed it since `version`."""
    _check(**changes)
    async with transaction():
        rows = Workstation.filter(id=workstation.id, version=version)
        if not await rows.update(**changes, version=F("version") + 1, updated_at=now()):
            raise Conflict("The workstation changed meanwhile; read it again.")
        await history.record(Resource.WORKSTATION, workstation.id, "update", actor, detail=_told(changes))
    await workstation.refresh_from_db()


def _told(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the history keeps of a change: of a configuration the names alone, for it may be long."""
    return {name: sorted(value) if isinstance(value, dict) else value for name, value in changes.items()}


async def grant(workstation: Workstation, user_id: int, role: ObjectRole, *, actor: Actor) -> None:
    """Let a user use or edit the workstation; harmless when they already may."""
    await grants.give(workstation, role, user_id=user_id, actor=actor)


async def revoke_grant(workstation: Workstation, user_id: int, role: ObjectRole, *, actor: Actor) -> None:
    """Take an object role away; harmless when it was not held."""
    await grants.take(workstation, role, user_id=user_id, actor=actor)


async def active_image(workstation_id: int) -> Image | None:
    """Return the image that a new session of the workstation runs, or None while there is none."""
    return await Image.filter(workstation_id=workstation_id, is_desired=True, state=ImageState.READY).first()
