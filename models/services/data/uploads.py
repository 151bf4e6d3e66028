"""Uploads: create, record the received bytes, mark as used, release."""

from datetime import timedelta
from secrets import token_hex

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict, NotFound
from core.security import global_ids
from models.accounts.roles import Resource
from models.data.datasessions import DatasessionUpload
from models.data.uploads import Upload, UploadState
from models.permissions.actor import Actor
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


async def mark_used(upload_id: int) -> None:
    """Mark a complete upload as used in the open transaction, so that it does not expire."""
    shared = DatasessionUpload.filter(upload_id=upload_id)
    complete = Upload.filter(id=upload_id, state=UploadState.COMPLETE)
    if not await complete.update(state=UploadState.USED) and not await shared.exists():
        raise BadInput(
            "This upload is incomplete or used for another purpose. Create another one.", path=("inputData",)
        )


async def release(upload_id: int) -> None:
    """Let an upload expire that no data session refers to any more."""
    await Upload.filter(id=upload_id, state=UploadState.USED).update(state=UploadState.COMPLETE, expires_at=now())
