"""Resolvers of uploads: create, and receive the bytes at a signed URL."""

from collections.abc import AsyncIterator
from secrets import token_hex

from core.errors import Conflict, Forbidden
from core.security.signing import Validity
from models.accounts.roles import Resource
from models.data.uploads import Upload
from models.permissions.principal import ANONYMOUS, Actor, Principal
from models.policies.authorization import Action
from models.policies.data import uploads as policy
from models.services.accounts import denials
from models.services.data import uploads
from resolvers.app_state import AppState
from resolvers.guards import require
from resolvers.row_reader import RowReader

PURPOSE = "upload"

reader = RowReader(policy.readable)


async def create(principal: Principal, filename: str) -> Upload:
    """Create an upload for a file."""
    await require(principal, Action.UPLOAD_CREATE)
    return await uploads.create(filename, actor=Actor.from_principal(principal))


def upload_url(app_state: AppState, upload: Upload) -> str:
    """Return the URL to which the bytes are sent by PUT, once. It needs no other credential."""
    # Dated by the upload, so that a repeated mutation with the same idempotency key returns the same URL.
    signature = app_state.signer.sign(PURPOSE, str(upload.id), upload.expires_at - uploads.LIFETIME)
    return f"{app_state.settings.api_url}/uploads/{upload.id}?signature={signature}"


async def receive(app_state: AppState, upload_id: int, signature: str, chunks: AsyncIterator[bytes]) -> Upload:
    """Store the bytes of an upload. A failed transfer stores nothing and can be repeated."""
    validity = app_state.signer.verify(PURPOSE, str(upload_id), signature, uploads.LIFETIME)
    if validity is not Validity.VALID:
        fault = "has expired" if validity is Validity.EXPIRED else "is invalid"
        reason = f"The signature of this upload URL {fault}. Create an upload and use its URL."
        await denials.record(ANONYMOUS, Action.UPLOAD_CREATE, Resource.UPLOAD, 0, reason)
        raise Forbidden(reason)
    upload = await uploads.get_receivable(upload_id)
    key = f"{upload.storage_key}-{token_hex(8)}"  # Two concurrent senders must not overwrite each other.
    stored = await app_state.storage.put(key, chunks, limit=app_state.settings.upload_bytes_limit)
    try:
        await uploads.complete(upload, key, stored.size, stored.sha256)
    except Conflict:
        await app_state.storage.delete(key)
        raise
    return upload
