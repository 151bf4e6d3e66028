"""Uploads: create, record the received bytes, and keep while a data session refers to them.

A data session refers to an upload while one of its files or operations names it.
"""

from collections.abc import Collection
from datetime import timedelta
from secrets import token_hex
from typing import Any

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict, NotFound
from core.security import global_ids
from models.accounts.roles import Resource
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession, DatasessionUpload
from models.data.uploads import Upload, UploadState
from models.permissions.principal import Actor
from models.services.accounts import history

LIFETIME = timedelta(days=1)
MAX_NAME_LENGTH = 255


async def create(filename: str, *, actor: Actor) -> Upload:
    """Create an upload. Its bytes must be sent within `LIFETIME`."""
    name = filename.strip().replace("\\", "/").rsplit("/", 1)[-1]
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise BadInput(f"A file name has 1 to {MAX_NAME_LENGTH} printable characters.", path=("filename",))
    async with transaction():
        upload = await Upload.create(
            creator_id=actor.user_id,
            filename=name,
            storage_key=f"uploads/{token_hex(16)}",
            expires_at=now() + LIFETIME,
        )
        await history.record(Resource.UPLOAD, upload.id, "create", actor, detail={"filename": name})
    return upload


async def get_receivable(upload_id: int) -> Upload:
    """Return the upload if its bytes can still be sent; NotFound or Conflict otherwise."""
    upload = await Upload.get_or_none(id=upload_id)
    if upload is None or upload.expires_at < now():
        raise NotFound("This upload does not exist or has expired. Create another one.")
    if upload.state is not UploadState.WAITING:
        raise Conflict("This upload is complete. Create another one for other bytes.")
    return upload


async def complete(upload: Upload, storage_key: str, size_bytes: int, sha256: str) -> None:
    """Record the storage key, size and hash of the received bytes; Conflict if another sender completed it first."""
    rows = Upload.filter(id=upload.id, state=UploadState.WAITING)
    if not await rows.update(state=UploadState.COMPLETE, storage_key=storage_key, size_bytes=size_bytes, sha256=sha256):
        raise Conflict("This upload is complete. Create another one for other bytes.")
    await upload.refresh_from_db()


async def overdue(limit: int = 100) -> list[Upload]:
    """Return expired uploads that were never used."""
    return await Upload.filter(expires_at__lt=now()).exclude(state=UploadState.USED).limit(limit)


def global_id(upload_id: int) -> str:
    """Return the global id by which data sessions and operations name an upload."""
    return global_ids.encode("Upload", upload_id)


async def add_references(datasession: Datasession, upload_ids: Collection[int]) -> None:
    """Add references to uploads in the open transaction."""
    for upload_id in sorted(set(upload_ids)):
        if not await DatasessionUpload.filter(datasession_id=datasession.id, upload_id=upload_id).exists():
            await _mark_used(upload_id)
            await DatasessionUpload.create(datasession_id=datasession.id, upload_id=upload_id)


async def remove_references(datasession: Datasession, *, every: bool = False) -> None:
    """Remove the references to uploads that no file or operation of the data session names; or `every` reference."""
    names = "" if every else str([datasession.input_data, await _operation_inputs(datasession)])
    for link in await DatasessionUpload.filter(datasession_id=datasession.id):
        if every or repr(global_id(link.upload_id)) not in names:
            await link.delete()
            if not await DatasessionUpload.filter(upload_id=link.upload_id).exists():
                await _release(link.upload_id)


async def _operation_inputs(datasession: Datasession) -> list[Any]:
    return list(await DataOperation.filter(datasession_id=datasession.id).values_list("inputs", flat=True))


async def _mark_used(upload_id: int) -> None:
    """Mark a complete upload as used in the open transaction, so that it does not expire."""
    shared = DatasessionUpload.filter(upload_id=upload_id)
    complete = Upload.filter(id=upload_id, state=UploadState.COMPLETE)
    if not await complete.update(state=UploadState.USED) and not await shared.exists():
        raise BadInput(
            "This upload is incomplete or used for another purpose. Create another one.", path=("inputData",)
        )


async def _release(upload_id: int) -> None:
    """Let an upload expire that no data session refers to any more."""
    await Upload.filter(id=upload_id, state=UploadState.USED).update(state=UploadState.COMPLETE, expires_at=now())
