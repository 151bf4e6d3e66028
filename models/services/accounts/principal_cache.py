"""Caches the principals of credentials for a second. The API authenticates requests and renews permissions with it.

An event about the token, its user, its organizations or its session invalidates an entry at once. Changes that this
process commits are handled before the response is sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

from core.clock import now
from core.concurrency.batch_loader import BatchLoader
from core.concurrency.ttl_cache import CacheEntry, SingleFlightCache
from core.errors import Unauthenticated
from core.messaging.event_bus import EventBus
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import Principal
from models.services.accounts import authentication


@dataclass(frozen=True)
class CachedPrincipal:
    """A principal with the kind and the expiry of its token."""

    principal: Principal
    kind: TokenKind
    expires_at: datetime | None


class PrincipalCache:
    """The principals of one process, by token text."""

    def __init__(self, bus: EventBus) -> None:
        """Invalidate entries on events of `bus`."""
        self._cache = SingleFlightCache[bytes, CachedPrincipal](bus)
        self._refreshes = BatchLoader(authentication.load_principals)

    async def from_bearer_token(self, text: str) -> Principal:
        """Return the principal of a token's text. Unauthenticated if it is unknown, revoked or expired."""
        caller = await self._lookup(text)
        # An entry cookie is valid on the host of its session only, never for the API.
        if caller is None or caller.kind is TokenKind.ENTRY:
            raise Unauthenticated("The token is unknown, revoked or expired; sign in, or use another token.")
        return caller.principal

    async def from_browser_cookie(self, cookie: str) -> Principal | None:
        """Return the principal of a browser's cookie, or None if the cookie is not valid."""
        caller = await self._lookup(cookie)
        return caller.principal if caller and caller.kind is TokenKind.BROWSER else None

    async def refresh(self, principal: Principal) -> Principal:
        """Return a caller with its current permissions. Unauthenticated if its credential has ended.

        Concurrent calls are loaded together, in a few queries for any number of callers.
        """
        found = await self._refreshes.load((principal.token_id, principal.user_id))
        if found is None:
            raise Unauthenticated("You signed out, or your token has expired or was revoked; sign in again.")
        return found

    async def _lookup(self, text: str) -> CachedPrincipal | None:
        key = sha256(text.encode()).digest()
        try:
            caller = self._cache.peek(key) or await self._cache.get_or_load(key, partial(_load, text))
        except _UnknownToken:
            return None
        return caller if caller.expires_at is None or now() < caller.expires_at else None


class _UnknownToken(Exception):
    """The text is not that of a valid token."""


async def _load(text: str) -> CacheEntry[CachedPrincipal]:
    token = await authentication.find_live_token(text)
    if token is None:
        raise _UnknownToken
    principal = await authentication.principal_for_token(token)
    return CacheEntry(
        CachedPrincipal(principal, token.kind, token.expires_at), list(_invalidation_topics(token, principal))
    )


def _invalidation_topics(token: Token, principal: Principal) -> Iterator[str]:
    # Events on these topics mean that the permissions changed or that the credential ended.
    yield f"token:{token.id}"
    yield f"user:{token.user_id}"
    yield from (f"organization:{place}" for place in principal.organization_ids)
    if token.session_id is not None:
        yield f"session:{token.session_id}"
