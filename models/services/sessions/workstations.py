"""Create and edit workstations, and grant users access to them."""

from collections.abc import Mapping
from typing import Any

import orjson
from tortoise.expressions import F

from core.bytesize import KIB, format_bytes
from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from models.accounts.roles import ObjectRole, Resource
from models.permissions.principal import Actor
from models.services.accounts import grants, history
from models.services.accounts.organizations import slugify
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation

MAX_TITLE_LENGTH = 128
MAX_CONFIGURATION_BYTES = 32 * KIB
"""It must fit into one environment variable of the container."""


async def create(title: str, *, actor: Actor, description: str = "", is_public: bool = False) -> Workstation:
    """Create a workstation. Its creator becomes its first editor."""
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
    if isinstance(title, str) and not (title.strip() and len(title) <= MAX_TITLE_LENGTH and title.isprintable()):
        raise BadInput(f"A title has 1 to {MAX_TITLE_LENGTH} printable characters.", path=("title",))
    if isinstance(description, str) and "\0" in description:
        raise BadInput("A description cannot contain zero bytes.", path=("description",))
    if configuration is not None:
        _check_configuration(configuration)


def _check_configuration(configuration: Any) -> None:
    if not isinstance(configuration, dict):
        raise BadInput("A configuration is a JSON object. Give {} for an empty one.", path=("configuration",))
    try:
        size = len(orjson.dumps(configuration))
    except orjson.JSONEncodeError as error:
        raise BadInput(f"The configuration cannot be written as JSON: {error}.", path=("configuration",)) from error
    if size > MAX_CONFIGURATION_BYTES:
        raise BadInput(
            f"A configuration has at most {format_bytes(MAX_CONFIGURATION_BYTES)} as JSON; "
            f"this one has {format_bytes(size)}.",
            path=("configuration",),
        )


async def _free_slug(title: str) -> str:
    slug = slugify(title)
    if not slug:
        raise BadInput("A title needs at least one letter or digit.", path=("title",))
    taken = {row.slug for row in await Workstation.filter(slug__startswith=slug[:56]).only("slug")}
    number, unused = 1, slug
    while unused in taken:
        number += 1
        unused = f"{slug[:56]}-{number}"
    return unused


async def update(workstation: Workstation, changes: Mapping[str, Any], *, version: int, actor: Actor) -> None:
    """Change title, description, visibility or configuration; Conflict if it was changed since `version`."""
    _check(**changes)
    async with transaction():
        rows = Workstation.filter(id=workstation.id, version=version)
        if not await rows.update(**changes, version=F("version") + 1, updated_at=now()):
            raise Conflict("Another request changed the workstation. Read it again.")
        await history.record(Resource.WORKSTATION, workstation.id, "update", actor, detail=_history_detail(changes))
    await workstation.refresh_from_db()


def _history_detail(changes: Mapping[str, Any]) -> dict[str, Any]:
    # A configuration can be long, so the history keeps its keys only.
    return {name: sorted(value) if isinstance(value, dict) else value for name, value in changes.items()}


async def grant(workstation: Workstation, user_id: int, role: ObjectRole, *, actor: Actor) -> None:
    """Grant a user an object role on the workstation; no effect if the user has it."""
    await grants.grant(workstation, role, user_id=user_id, actor=actor)


async def revoke_grant(workstation: Workstation, user_id: int, role: ObjectRole, *, actor: Actor) -> None:
    """Revoke a user's object role on the workstation; no effect if the user does not have it."""
    await grants.revoke(workstation, role, user_id=user_id, actor=actor)


async def active_image(workstation_id: int) -> Image | None:
    """Return the image that new sessions of the workstation run; None if there is none."""
    return await Image.filter(workstation_id=workstation_id, is_desired=True, state=ImageState.READY).first()
