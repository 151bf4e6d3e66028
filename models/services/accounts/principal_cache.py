"""Who is calling, remembered for a second: the API finds its callers here, and the rights they have at an event.

What is remembered of a caller is dropped at once by a hint on its token, its user, its organizations or its session;
a change that this process commits itself has been heard before the change is answered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

from core.clock import now
from core.concurrency.coalescing import Together
from core.concurrency.ttl_cache import Found, Remembered
from core.errors import Unauthenticated
from core.messaging.event_bus import EventBus
from models.accounts.users import Token, TokenKind
from models.permissions.principal import Principal
from models.services.accounts import authentication


@dataclass(frozen=True)
class Caller:
    """A principal with what else its credential says of it."""

    principal: Principal
    kind: TokenKind
    expires_at: datetime | None


class Callers:
    """The callers of one process."""

    def __init__(self, bus: EventBus) -> None:
        """Forget callers at hints of `bus`."""
        self._remembered = Remembered[bytes, Caller](bus)
        self._renewals = Together(authentication.principals)

    async def bearer(self, text: str) -> Principal:
        """Return the principal of a token's text; Unauthenticated when it is unknown, revoked or expired.

        The cookie by which a session is entered opens that session's host alone, so here it is no credential.
        """
        caller = await self._caller(text)
        if caller is None or caller.kind is TokenKind.ENTRY:
            raise Unauthenticated("The token is unknown, revoked or expired.")
        return caller.principal

    async def browser(self, cookie: str) -> Principal | None:
        """Return the principal of a browser's cookie; None for what is no live one."""
        caller = await self._caller(cookie)
        return caller.principal if caller and caller.kind is TokenKind.BROWSER else None

    async def renewed(self, principal: Principal) -> Principal:
        """Return a caller with its rights as they are now; Unauthenticated when its credential has ended.

        Those who ask in one moment are answered together, in a few statements however many they are.
        """
        found = await self._renewals.ask((principal.token_id, principal.user_id))
        if found is None:
            raise Unauthenticated("You signed out, or your token ended.")
        return found

    async def _caller(self, text: str) -> Caller | None:
        key = sha256(text.encode()).digest()
        try:
            caller = self._remembered.known(key) or await self._remembered.ask(key, partial(_find, text))
        except _UnknownToken:
            return None
        return caller if caller.expires_at is None or now() < caller.expires_at else None


class _UnknownToken(Exception):
    """The text is that of no live token."""


async def _find(text: str) -> Found[Caller]:
    token = await authentication.live_token(text)
    if token is None:
        raise _UnknownToken
    principal = await authentication.principal_of(token)
    return Found(Caller(principal, token.kind, token.expires_at), list(_topics(token, principal)))


def _topics(token: Token, principal: Principal) -> Iterator[str]:
    """Yield what tells that the caller's rights changed, or its credential ended."""
    yield f"token:{token.id}"
    yield f"user:{token.user_id}"
    yield from (f"organization:{place}" for place in principal.organization_ids)
    if token.session_id is not None:
        yield f"session:{token.session_id}"
