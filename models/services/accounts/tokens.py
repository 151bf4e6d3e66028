"""Mints, extends, revokes and purges tokens."""

from datetime import datetime, timedelta
from typing import Any

from core.clock import now
from core.database.connection import transaction
from core.messaging import outbox
from core.security import tokens as credentials
from core.security.tokens import Minted
from models.accounts.roles import Resource, Rule
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import Actor
from models.services.accounts import history


async def mint(
    user_id: int,
    kind: TokenKind,
    *,
    actor: Actor,
    lifetime: timedelta | None,
    name: str = "",
    scopes: list[Rule] | None = None,
    session_id: int | None = None,
    parent_id: int | None = None,
) -> tuple[Token, Minted]:
    """Create a token of the user. Its text is returned once, in the second value, and not stored."""
    minted = credentials.mint(kind)
    async with transaction():
        token = await Token.create(
            kind=kind,
            key=minted.key,
            digest=minted.digest,
            user_id=user_id,
            session_id=session_id,
            parent_id=parent_id,
            name=name,
            scopes=None if scopes is None else [str(rule) for rule in scopes],
            expires_at=now() + lifetime if lifetime else None,
        )
        await history.record(Resource.TOKEN, token.id, "create", actor, detail={"kind": kind, "name": name})
    return token, minted


async def revoke(token: Token, *, actor: Actor, cause: str = "") -> None:
    """Revoke a token. Streams and caches that use it are notified."""
    async with transaction():
        if await Token.filter(id=token.id, revoked_at=None).update(revoked_at=now()):
            await history.record(Resource.TOKEN, token.id, "revoke", actor, cause=cause)
            outbox.publish(f"token:{token.id}")
            outbox.publish(f"user:{token.user_id}")


async def revoke_container_tokens(column: str, key: int) -> None:
    """Revoke the tokens of a container, which refer to its row by `column`, in the transaction that ends the row."""
    # Entry cookies stay valid: they still open the page that says how a session ended.
    reference: dict[str, Any] = {column: key}
    await Token.filter(kind=TokenKind.SESSION, revoked_at=None, **reference).update(revoked_at=now())


async def extend_session_tokens(session_id: int, until: datetime) -> None:
    """Extend the tokens of a session's container until then. Revoked tokens stay revoked."""
    await Token.filter(session_id=session_id, kind=TokenKind.SESSION, revoked_at=None).update(expires_at=until)


async def purge(retention: timedelta = timedelta(days=30)) -> int:
    """Delete tokens that ended longer ago than `retention`, and return their number."""
    before = now() - retention
    ended = await Token.filter(expires_at__lt=before).delete()
    return ended + await Token.filter(revoked_at__lt=before).delete()
