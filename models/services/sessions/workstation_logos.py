"""Set and remove the logos of workstations. The caller stores and deletes the files."""

from secrets import token_hex

from tortoise.expressions import F

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from models.accounts.roles import Resource
from models.data.uploads import Upload, UploadState
from models.permissions.principal import Actor
from models.services.accounts import history
from models.sessions.workstations import Workstation

SIDES = (64, 128, 512)
"""The sides of the stored square images of a logo, in pixels."""


def new_key() -> str:
    """Return an unguessable name for a new logo."""
    return token_hex(16)


def file_paths(key: str) -> dict[int, str]:
    """Return the storage keys of a logo's square images, by side."""
    return {side: f"logos/{key}-{side}.png" for side in SIDES}


async def set_logo(workstation: Workstation, upload: Upload, key: str, size: tuple[int, int], *, actor: Actor) -> None:
    """Set a stored logo as the workstation's and mark its upload as used; Conflict if the workstation was changed.

    `size` is the original width and height of the picture, in pixels.
    """
    async with transaction():
        if not await Upload.filter(id=upload.id, state=UploadState.COMPLETE).update(state=UploadState.USED):
            raise BadInput("This upload is incomplete or already used. Create another one.", path=("uploadId",))
        await _set(workstation, key, size)
        detail = {"logo": {"width": size[0], "height": size[1]}}
        await history.record(Resource.WORKSTATION, workstation.id, "logo_set", actor, detail=detail)


async def remove_logo(workstation: Workstation, *, actor: Actor) -> None:
    """Remove the workstation's logo; no effect if it has none."""
    if workstation.logo_key is None:
        return
    async with transaction():
        await _set(workstation, None, (None, None))
        await history.record(Resource.WORKSTATION, workstation.id, "logo_remove", actor)


async def _set(workstation: Workstation, key: str | None, size: tuple[int | None, int | None]) -> None:
    changes = {"logo_key": key, "logo_width": size[0], "logo_height": size[1], "updated_at": now()}
    version = workstation.version
    rows = Workstation.filter(id=workstation.id, version=version)
    if not await rows.update(**changes, version=F("version") + 1):
        raise Conflict("Another request changed the workstation. Read it again.")
    workstation.update_from_dict({**changes, "version": version + 1})


async def get_by_logo(key: str) -> Workstation | None:
    """Return the workstation with this logo; None if no workstation has it any more."""
    return await Workstation.get_or_none(logo_key=key)
