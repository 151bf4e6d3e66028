"""Store, read and delete users' tokens for file sources. They are encrypted and expire; only jobs read them."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput
from models.accounts.roles import Resource
from models.data.source_credentials import SourceCredential
from models.permissions.principal import Actor
from models.services.accounts import history

if TYPE_CHECKING:
    from core.security.encryption import SecretBox

MIN_LIFETIME = timedelta(minutes=1)
MAX_LIFETIME = timedelta(days=90)
MAX_TOKEN_LENGTH = 4096


async def store(
    user_id: int, source: str, token: str, lifetime: timedelta, secret_box: "SecretBox", *, actor: Actor
) -> SourceCredential:
    """Store a user's token for a source and replace the former one."""
    token = token.strip()
    if not token or len(token) > MAX_TOKEN_LENGTH or not token.isascii() or not token.isprintable():
        raise BadInput(f"A token has 1 to {MAX_TOKEN_LENGTH} printable characters.", path=("token",))
    if not MIN_LIFETIME <= lifetime <= MAX_LIFETIME:
        raise BadInput(
            f"A token can be stored for {MIN_LIFETIME.seconds} seconds to {MAX_LIFETIME.days} days.", path=("seconds",)
        )
    values = {"sealed": secret_box.encrypt(_encryption_context(user_id, source), token), "expires_at": now() + lifetime}
    async with transaction():
        credential, _ = await SourceCredential.update_or_create(values, user_id=user_id, source=source)
        await history.record(Resource.USER, user_id, "keep_source_token", actor, detail={"source": source})
    return credential


async def delete(user_id: int, source: str, *, actor: Actor) -> None:
    """Delete a user's token for a source; no effect if there is none."""
    async with transaction():
        if await SourceCredential.filter(user_id=user_id, source=source).delete():
            await history.record(Resource.USER, user_id, "forget_source_token", actor, detail={"source": source})


async def read_token(user_id: int, source: str, secret_box: "SecretBox") -> str | None:
    """Return a user's token for a source; None if there is none or it has expired."""
    credential = await SourceCredential.get_or_none(user_id=user_id, source=source, expires_at__gt=now())
    return secret_box.decrypt(_encryption_context(user_id, source), credential.sealed) if credential else None


async def expiry(user_id: int, source: str) -> datetime | None:
    """Return the expiry of the stored token for a source; None if there is none."""
    credential = await SourceCredential.get_or_none(user_id=user_id, source=source, expires_at__gt=now())
    return credential.expires_at if credential else None


async def purge() -> int:
    """Delete the expired tokens and return their number."""
    return await SourceCredential.filter(expires_at__lte=now()).delete()


def _encryption_context(user_id: int, source: str) -> str:
    return f"{source}:{user_id}"
