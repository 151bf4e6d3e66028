"""The way into a session: a one-time ticket becomes a cookie that is good for this session's host alone."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Protocol

import orjson
from redis.asyncio import Redis

from core.clock import now
from core.errors import NotFound
from core.messaging.event_bus import EventBus, Hints
from models.accounts.history import ActorKind
from models.accounts.roles import Resource
from models.accounts.users import Token, TokenKind
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.policies.sessions.sessions import can_connect
from models.services.accounts import authentication, denials, users
from models.services.sessions import session_lifetime, session_queue
from models.sessions.sessions import Session, SessionState

TICKET_SECONDS = 30
LABEL_LIMIT = 63
ENTRY_LIFETIME = timedelta(days=8)
"""Longer than any session: an entry outlives its session, so that its page can say how it ended."""


@dataclass(frozen=True)
class Desk:
    """A session as the proxy sees it."""

    session_id: int
    label: str
    state: str
    creator_id: int
    http: tuple[str, int] | None
    websocket: tuple[str, int] | None
    initial_path: str
    reason: str | None
    expires_at: datetime | None
    title: str
    place: int | None


@dataclass(frozen=True)
class Entry:
    """A right to enter one session: whose, by which token, and until when."""

    user_id: int
    expires_at: datetime
    token_id: int | None = None


class Held(Protocol):
    """What is needed of an entry to seal it."""

    @property
    def user_id(self) -> int:
        """Whose it is."""

    @property
    def token_id(self) -> int | None:
        """The token that it came from."""


class Doors:
    """Answers the proxy's questions from the rows; tickets alone live in Redis."""

    def __init__(self, redis: Redis, bus: EventBus) -> None:
        """Keep tickets in `redis`, pass on hints of `bus`."""
        self._redis, self._bus = redis, bus

    async def desk(self, label: str) -> Desk | None:
        """Return the session with this label, or None."""
        if len(label) > LABEL_LIMIT or not label.isalnum():
            return None
        session = await Session.get_or_none(label=label).select_related("image__workstation")
        if session is None:
            return None
        places = await session_queue.queue_positions([session.id]) if session.state is SessionState.QUEUED else {}
        return _desk(session, places.get(session.id))

    async def mint_ticket(self, user_id: int, token_id: int | None, label: str, state_hash: str) -> str:
        """Return a ticket that opens the session once within 30 s, in the browser that knows the state."""
        ticket = token_urlsafe(32)
        held = {"user": user_id, "token": token_id, "label": label, "state": state_hash}
        await self._redis.set(_ticket_key(ticket), orjson.dumps(held), ex=TICKET_SECONDS)
        return ticket

    async def redeem_ticket(self, ticket: str, label: str, state_hash: str) -> Entry | None:
        """Spend a ticket; None when it is forged, used, too old, or was made for another host or browser."""
        text = await self._redis.getdel(_ticket_key(ticket))
        if text is None:
            return None
        held = orjson.loads(text)
        if (held["label"], held["state"]) != (label, state_hash):
            return None
        session = await Session.get_or_none(label=label)
        if session is None or session.creator_id != held["user"]:
            return None
        return Entry(held["user"], now() + ENTRY_LIFETIME, held["token"])

    async def seal(self, entry: Held, label: str) -> str:
        """Return the cookie value of an entry: a token of its own, for this session alone."""
        session = await Session.get_or_none(label=label)
        if session is None:
            raise NotFound
        _, minted = await users.mint_token(
            entry.user_id,
            TokenKind.ENTRY,
            actor=Actor(ActorKind.USER, entry.user_id),
            lifetime=ENTRY_LIFETIME,
            session_id=session.id,
            parent_id=entry.token_id,
        )
        return minted.text

    async def entry(self, cookie: str, label: str) -> Entry | None:
        """Return the entry of a cookie while it and the sign-in that it came from are live."""
        token = await authentication.live_token(cookie)
        if token is None or token.kind is not TokenKind.ENTRY:
            return None
        session = await Session.get_or_none(id=token.session_id, label=label)
        if session is None or not await _parent_lives(token):
            return None
        return Entry(token.user_id, _end_of(token), token.id)

    async def bearer(self, token: str, label: str) -> Entry | None:
        """Return the entry of a script that sends its API token instead of a cookie."""
        held = await authentication.live_token(token)
        session = await Session.get_or_none(label=label)
        if held is None or held.kind is TokenKind.ENTRY or session is None:
            return None
        principal = await authentication.principal_of(held)
        if not await may_enter(principal, session):
            return None
        return Entry(principal.user_id, _end_of(held), held.id)

    async def used(self, session_id: int) -> None:
        """Keep that somebody works in the session now."""
        await session_lifetime.touch(session_id)

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[Hints]:
        """Subscribe to hints that a session or a user changed."""
        return self._bus.subscribe(*topics)


async def may_enter(principal: Principal, session: Session) -> bool:
    """Say whether the principal works in the session; who does not is written into its history."""
    verdict = can_connect(principal, session)
    if verdict is not True:
        await denials.record(Actor.of(principal), Action.SESSION_OPEN, Resource.SESSION, session.id, verdict)
    return verdict is True


def _end_of(token: Token) -> datetime:
    return token.expires_at or now() + ENTRY_LIFETIME


async def _parent_lives(token: Token) -> bool:
    if token.parent_id is None:
        return True
    parent = await Token.get_or_none(id=token.parent_id)
    return parent is not None and parent.is_live(now())


def _ticket_key(ticket: str) -> str:
    return f"carrel:ticket:{sha256(ticket.encode()).hexdigest()}"


def _desk(session: Session, place: int | None) -> Desk:
    image = session.image
    http = (session.host, session.http_port) if session.host and session.http_port else None
    websocket = (session.host, session.websocket_port) if session.host and session.websocket_port else None
    return Desk(
        session_id=session.id,
        label=session.label,
        state=session.state,
        creator_id=session.creator_id,
        http=http,
        websocket=websocket,
        initial_path=image.initial_path,
        reason=session.reason or None,
        expires_at=session.expires_at,
        title=image.workstation.title,
        place=place,
    )
