"""Give workstations a logo, and take it away."""

from secrets import token_hex

from tortoise.expressions import F

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from models.accounts.roles import Resource
from models.data.uploads import Upload, UploadState
from models.permissions.actor import Actor
from models.services.accounts import history
from models.sessions.workstations import Workstation

SIDES = (64, 128, 512)
"""The sides of the squares that are kept of a logo, in pixels."""


def new_key() -> str:
    """Return a name that nobody guesses, for a logo that is about to be kept."""
    return token_hex(16)


def files(key: str) -> dict[int, str]:
    """Return where the squares of a logo lie in the storage, by their side."""
    return {side: f"logos/{key}-{side}.png" for side in SIDES}


async def give(workstation: Workstation, upload: Upload, key: str, size: tuple[int, int], *, actor: Actor) -> None:
    """Let a logo that is kept already be the workstation's; its upload is used up. Conflict when it changed meanwhile.

    `size` is the width and height that the picture came with.
    """
    async with transaction():
        if not await Upload.filter(id=upload.id, state=UploadState.COMPLETE).update(state=UploadState.USED):
            raise BadInput("This upload is not complete, or was used before.", path=("uploadId",))
        await _set(workstation, key, size)
        detail = {"logo": {"width": size[0], "height": size[1]}}
        await history.record(Resource.WORKSTATION, workstation.id, "logo_set", actor, detail=detail)


async def take(workstation: Workstation, *, actor: Actor) -> None:
    """Leave the workstation without a logo; harmless when it has none."""
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
        raise Conflict("The workstation changed meanwhile; read it again.")
    workstation.update_from_dict({**changes, "version": version + 1})


async def owner_of(key: str) -> Workstation | None:
    """Return the workstation whose logo has this name, or None when it is nobody's any more."""
    return await Workstation.get_or_none(logo_key=key)
