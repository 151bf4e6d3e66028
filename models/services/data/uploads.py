"""Announce uploads, and record the bytes that came."""

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


async def create(filename: str, *, actor: Actor) -> Upload:
    """Announce a file; its bytes are to be sent within a day."""
    name = filename.strip().replace("\\", "/").rsplit("/", 1)[-1]
    if not name or len(name) > 255 or not name.isprintable():
        raise BadInput("A file name has 1 to 255 printable characters.", path=("filename",))
    async with transaction():
        upload = await Upload.create(
            creator_id=actor.user_id,
            filename=name,
            storage_key=f"uploads/{token_hex(16)}",
            expires_at=now() + LIFETIME,
        )
        await history.record(Resource.UPLOAD, upload.id, "create", actor, detail={"filename": name})
    return upload


async def receivable(upload_id: int) -> Upload:
    """Return the announced upload while its bytes may still be sent."""
    upload = await Upload.get_or_none(id=upload_id)
    if upload is None or upload.expires_at < now():
        raise NotFound("There is no such upload, or its time is over; announce it again.")
    if upload.state is not UploadState.WAITING:
        raise Conflict("This upload is complete; announce another for other bytes.")
    return upload


async def complete(upload: Upload, storage_key: str, size_bytes: int, sha256: str) -> None:
    """Record where the bytes lie and what they are of an upload; Conflict when another sender was faster."""
    rows = Upload.filter(id=upload.id, state=UploadState.WAITING)
    if not await rows.update(state=UploadState.COMPLETE, storage_key=storage_key, size_bytes=size_bytes, sha256=sha256):
        raise Conflict("This upload is complete; announce another for other bytes.")
    await upload.refresh_from_db()


async def overdue(limit: int = 100) -> list[Upload]:
    """Return uploads that nobody used within their time."""
    return await Upload.filter(expires_at__lt=now()).exclude(state=UploadState.USED).limit(limit)


def address(upload_id: int) -> str:
    """Return how data sessions and operations name an upload: by its opaque id."""
    return global_ids.encode("Upload", upload_id)


async def use(upload_id: int) -> None:
    """Keep a complete upload within the open transaction for as long as a data session has it."""
    shared = DatasessionUpload.filter(upload_id=upload_id)
    complete = Upload.filter(id=upload_id, state=UploadState.COMPLETE)
    if not await complete.update(state=UploadState.USED) and not await shared.exists():
        raise BadInput("This upload is not complete, or became something else.", path=("inputData",))


async def release(upload_id: int) -> None:
    """Let an upload be deleted that no data session has any more."""
    await Upload.filter(id=upload_id, state=UploadState.USED).update(state=UploadState.COMPLETE, expires_at=now())
