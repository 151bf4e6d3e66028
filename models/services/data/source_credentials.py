"""Keep users' tokens of other services: sealed, for a while, and read by nobody but the job that needs one."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput
from models.accounts.roles import Resource
from models.data.source_credentials import SourceCredential
from models.permissions.actor import Actor
from models.services.accounts import history

if TYPE_CHECKING:
    from core.security.encryption import Sealer

LONGEST = timedelta(days=90)
TOKEN_LIMIT = 4096


async def keep(
    user_id: int, source: str, token: str, lifetime: timedelta, sealer: "Sealer", *, actor: Actor
) -> SourceCredential:
    """Keep a user's token of a source, in place of the one there was."""
    token = token.strip()
    if not token or len(token) > TOKEN_LIMIT or not token.isascii() or not token.isprintable():
        raise BadInput(f"A token has 1 to {TOKEN_LIMIT} printable characters.", path=("token",))
    if not timedelta(minutes=1) <= lifetime <= LONGEST:
        raise BadInput(f"A token is kept from one minute to {LONGEST.days} days.", path=("seconds",))
    values = {"sealed": sealer.seal(_purpose(user_id, source), token), "expires_at": now() + lifetime}
    async with transaction():
        kept, _ = await SourceCredential.update_or_create(values, user_id=user_id, source=source)
        await history.record(Resource.USER, user_id, "keep_source_token", actor, detail={"source": source})
    return kept


async def forget(user_id: int, source: str, *, actor: Actor) -> None:
    """Forget a user's token of a source; harmless when there is none."""
    async with transaction():
        if await SourceCredential.filter(user_id=user_id, source=source).delete():
            await history.record(Resource.USER, user_id, "forget_source_token", actor, detail={"source": source})


async def token_of(user_id: int, source: str, sealer: "Sealer") -> str | None:
    """Return a user's token of a source, None when none is kept or its time is over."""
    kept = await SourceCredential.get_or_none(user_id=user_id, source=source, expires_at__gt=now())
    return sealer.opened(_purpose(user_id, source), kept.sealed) if kept else None


async def kept_until(user_id: int, source: str) -> datetime | None:
    """Return when the kept token of a source is forgotten, None when none is kept."""
    kept = await SourceCredential.get_or_none(user_id=user_id, source=source, expires_at__gt=now())
    return kept.expires_at if kept else None


async def purge() -> int:
    """Delete the tokens whose time is over; return how many."""
    return await SourceCredential.filter(expires_at__lte=now()).delete()


def _purpose(user_id: int, source: str) -> str:
    return f"{source}:{user_id}"
