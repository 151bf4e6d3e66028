"""Answer what is asked of the logos of workstations."""

import asyncio
from collections.abc import AsyncIterator

from core import pictures
from core.errors import BadInput, NotFound
from core.pictures import BYTES_LIMIT, Picture
from core.sizes import readable
from core.storage import Storage
from models.actors import Actor
from models.policies import uploads as upload_policy
from models.policies import workstations as policy
from models.policies.actions import Action
from models.principal import Principal
from models.services import logos
from models.uploads import Upload, UploadState
from models.workstations import Workstation
from resolvers.guards import require, visible
from resolvers.house import House


async def give(house: House, principal: Principal, key: int, upload_id: int) -> Workstation:
    """Draw an uploaded picture anew and let it be the workstation's logo; the file that was sent is thrown away."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_LOGO_SET, workstation)
    upload = await visible(upload_policy.readable(principal), upload_id)
    picture = await _draw(house.storage, upload)
    before, name = workstation.logo_key, logos.new_key()
    await _keep(house.storage, name, picture)
    try:
        await logos.give(workstation, upload, name, (picture.width, picture.height), actor=Actor.of(principal))
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
    await logos.take(workstation, actor=Actor.of(principal))
    await _drop(house.storage, before)
    return workstation


async def read(house: House, name: str, side: int) -> bytes:
    """Return one square of a logo as PNG; whoever knows its name may see it, as long as it is a workstation's."""
    if side not in logos.SIDES or await logos.owner_of(name) is None:
        raise NotFound("There is no such logo.")
    return b"".join([chunk async for chunk in house.storage.get(logos.files(name)[side])])


async def _draw(storage: Storage, upload: Upload) -> Picture:
    if upload.state is not UploadState.COMPLETE or upload.size_bytes is None:
        raise BadInput("This upload is not complete, or was used before.", path=("uploadId",))
    if upload.size_bytes > BYTES_LIMIT:
        raise BadInput(f"A picture has at most {readable(BYTES_LIMIT)}.", path=("uploadId",))
    content = b"".join([chunk async for chunk in storage.get(upload.storage_key)])
    try:
        return await asyncio.to_thread(pictures.squares, content, logos.SIDES)
    except BadInput as refusal:
        raise BadInput(refusal.message, path=("uploadId",)) from refusal


async def _keep(storage: Storage, name: str, picture: Picture) -> None:
    for side, file in logos.files(name).items():
        await storage.put(file, _whole(picture.squares[side]), limit=None)


async def _drop(storage: Storage, name: str | None) -> None:
    for file in logos.files(name).values() if name else ():
        await storage.delete(file)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
