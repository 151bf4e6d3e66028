"""Answer what is asked of uploads."""

from collections.abc import AsyncIterator
from secrets import token_hex

from core.errors import Conflict, Forbidden
from models.accounts.roles import Resource
from models.data.uploads import Upload
from models.permissions.actor import ANONYMOUS, Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.services.accounts import denials
from models.services.data import uploads
from resolvers.app_state import House
from resolvers.guards import require

PURPOSE = "upload"


async def create(principal: Principal, filename: str) -> Upload:
    """Announce a file."""
    await require(principal, Action.UPLOAD_CREATE)
    return await uploads.create(filename, actor=Actor.of(principal))


def address(house: House, upload: Upload) -> str:
    """Return where the bytes are to be sent by PUT; whoever has the address may send them, once."""
    signature = house.signer.sign(PURPOSE, str(upload.id))
    return f"{house.settings.api_url}/uploads/{upload.id}?signature={signature}"


async def receive(house: House, upload_id: int, signature: str, chunks: AsyncIterator[bytes]) -> Upload:
    """Keep the bytes of an announced upload; a broken one leaves nothing and may be sent again."""
    if not house.signer.valid(PURPOSE, str(upload_id), signature):
        reason = "This upload address is not one of ours; announce the upload and use its address."
        await denials.record(ANONYMOUS, Action.UPLOAD_CREATE, Resource.UPLOAD, 0, reason)
        raise Forbidden(reason)
    upload = await uploads.receivable(upload_id)
    key = f"{upload.storage_key}-{token_hex(8)}"  # Two senders at once must not write over one another.
    stored = await house.storage.put(key, chunks, limit=house.settings.upload_bytes_limit)
    try:
        await uploads.complete(upload, key, stored.size, stored.sha256)
    except Conflict:
        await house.storage.delete(key)
        raise
    return upload
