"""Resolvers of workstation logos: set, remove and read."""

import asyncio
from collections.abc import AsyncIterator

from core.bytesize import format_bytes
from core.errors import BadInput, NotFound
from core.storage import image_resizing
from core.storage.image_resizing import BYTES_LIMIT, Picture
from core.storage.object_store import Storage
from models.data.uploads import Upload, UploadState
from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.data import uploads as upload_policy
from models.policies.sessions import workstations as policy
from models.services.sessions import workstation_logos
from models.sessions.workstations import Workstation
from resolvers.app_state import AppState
from resolvers.guards import require, visible


async def set_logo(app_state: AppState, principal: Principal, key: int, upload_id: int) -> Workstation:
    """Set an uploaded picture as the workstation's logo. It is stored re-encoded, and the upload's file is deleted."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_LOGO_SET, workstation)
    upload = await visible(upload_policy.readable(principal), upload_id)
    picture = await _redraw(app_state.storage, upload)
    before, name = workstation.logo_key, workstation_logos.new_key()
    await _store(app_state.storage, name, picture)
    try:
        await workstation_logos.set_logo(
            workstation, upload, name, (picture.width, picture.height), actor=Actor.from_principal(principal)
        )
    except Exception:
        await _delete(app_state.storage, name)
        raise
    await app_state.storage.delete(upload.storage_key)
    await _delete(app_state.storage, before)
    return workstation


async def remove_logo(app_state: AppState, principal: Principal, key: int) -> Workstation:
    """Remove the workstation's logo."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_LOGO_REMOVE, workstation)
    before = workstation.logo_key
    await workstation_logos.remove_logo(workstation, actor=Actor.from_principal(principal))
    await _delete(app_state.storage, before)
    return workstation


async def read(app_state: AppState, name: str, side: int) -> bytes:
    """Return one square image of a logo as PNG. Its unguessable name is the only credential."""
    if side not in workstation_logos.SIDES or await workstation_logos.get_by_logo(name) is None:
        raise NotFound("This logo does not exist.")
    return b"".join([chunk async for chunk in app_state.storage.get(workstation_logos.file_paths(name)[side])])


async def _redraw(storage: Storage, upload: Upload) -> Picture:
    if upload.state is not UploadState.COMPLETE or upload.size_bytes is None:
        raise BadInput("This upload is incomplete or already used. Create another one.", path=("uploadId",))
    if upload.size_bytes > BYTES_LIMIT:
        raise BadInput(f"A picture has at most {format_bytes(BYTES_LIMIT)}.", path=("uploadId",))
    content = b"".join([chunk async for chunk in storage.get(upload.storage_key)])
    try:
        return await asyncio.to_thread(image_resizing.square_thumbnails, content, workstation_logos.SIDES)
    except BadInput as error:
        raise BadInput(error.message, path=("uploadId",)) from error


async def _store(storage: Storage, name: str, picture: Picture) -> None:
    for side, file in workstation_logos.file_paths(name).items():
        await storage.put(file, _whole(picture.thumbnails[side]), limit=None)


async def _delete(storage: Storage, name: str | None) -> None:
    for file in workstation_logos.file_paths(name).values() if name else ():
        await storage.delete(file)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
