"""Answer what is asked of the logos of workstations."""

import asyncio
from collections.abc import AsyncIterator

from core.bytesize import readable
from core.errors import BadInput, NotFound
from core.storage import image_resizing
from core.storage.image_resizing import BYTES_LIMIT, Picture
from core.storage.object_store import Storage
from models.data.uploads import Upload, UploadState
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.policies.data import uploads as upload_policy
from models.policies.sessions import workstations as policy
from models.services.sessions import workstation_logos
from models.sessions.workstations import Workstation
from resolvers.app_state import House
from resolvers.guards import require, visible


async def give(house: House, principal: Principal, key: int, upload_id: int) -> Workstation:
    """Draw an uploaded picture anew and let it be the workstation's logo; the file that was sent is thrown away."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_LOGO_SET, workstation)
    upload = await visible(upload_policy.readable(principal), upload_id)
    picture = await _draw(house.storage, upload)
    before, name = workstation.logo_key, workstation_logos.new_key()
    await _keep(house.storage, name, picture)
    try:
        await workstation_logos.give(
            workstation, upload, name, (picture.width, picture.height), actor=Actor.of(principal)
        )
    except Exception:
        await _drop(house.storage, name)
        raise
    await house.storage.delete(upload.storage_key)
    await _drop(house.storage, before)
    return workstation


async def take(house: House, principal: Principal, key: int) -> Workstation:
    """Leave the workstation without a logo."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_LOGO_REMOVE, workstation)
    before = workstation.logo_key
    await workstation_logos.take(workstation, actor=Actor.of(principal))
    await _drop(house.storage, before)
    return workstation


async def read(house: House, name: str, side: int) -> bytes:
    """Return one square of a logo as PNG; whoever knows its name may see it, as long as it is a workstation's."""
    if side not in workstation_logos.SIDES or await workstation_logos.owner_of(name) is None:
        raise NotFound("There is no such logo.")
    return b"".join([chunk async for chunk in house.storage.get(workstation_logos.files(name)[side])])


async def _draw(storage: Storage, upload: Upload) -> Picture:
    if upload.state is not UploadState.COMPLETE or upload.size_bytes is None:
        raise BadInput("This upload is not complete, or was used before.", path=("uploadId",))
    if upload.size_bytes > BYTES_LIMIT:
        raise BadInput(f"A picture has at most {readable(BYTES_LIMIT)}.", path=("uploadId",))
    content = b"".join([chunk async for chunk in storage.get(upload.storage_key)])
    try:
        return await asyncio.to_thread(image_resizing.squares, content, workstation_logos.SIDES)
    except BadInput as refusal:
        raise BadInput(refusal.message, path=("uploadId",)) from refusal


async def _keep(storage: Storage, name: str, picture: Picture) -> None:
    for side, file in workstation_logos.files(name).items():
        await storage.put(file, _whole(picture.squares[side]), limit=None)


async def _drop(storage: Storage, name: str | None) -> None:
    for file in workstation_logos.files(name).values() if name else ():
        await storage.delete(file)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
