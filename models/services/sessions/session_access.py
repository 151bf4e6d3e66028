"""Access to sessions: one-time tickets, cookies for one session's host, and API tokens. The proxy calls it."""

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
from core.messaging.event_bus import EventBus, TopicListener
from models.accounts.history import ActorKind
from models.accounts.roles import Resource
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.sessions.sessions import can_connect
from models.services.accounts import authentication, denials, tokens
from models.services.sessions import session_lifetime, session_queue
from models.sessions.sessions import Session, SessionState

TICKET_SECONDS = 30
MAX_LABEL_LENGTH = 63
GRANT_LIFETIME = timedelta(days=8)
"""Longer than the lifetime of any session, so that the page of an ended session can still say how it ended."""


@dataclass(frozen=True)
class SessionInfo:
    """A session as the proxy needs it."""

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
    queue_position: int | None


@dataclass(frozen=True)
class AccessGrant:
    """The right of a user to enter one session until `expires_at`. It ends with the token that it comes from."""

    user_id: int
    expires_at: datetime
    token_id: int | None = None


class GrantOwner(Protocol):
    """The user and token of a grant, as a cookie for it needs them."""

    @property
    def user_id(self) -> int:
        """The user."""

    @property
    def token_id(self) -> int | None:
        """The token that the grant comes from."""


class SessionAccess:
    """The proxy's session directory over the database. Only tickets are stored in Redis."""

    def __init__(self, redis: Redis, bus: EventBus) -> None:
        """Store tickets in `redis` and subscribe to change events of `bus`."""
        self._redis, self._bus = redis, bus

    async def session_info(self, label: str) -> SessionInfo | None:
        """Return the session with this label, or None."""
        if len(label) > MAX_LABEL_LENGTH or not label.isalnum():
            return None
        session = await Session.get_or_none(label=label).select_related("image__workstation")
        if session is None:
            return None
        queued = session.state is SessionState.QUEUED
        positions = await session_queue.queue_positions([session.id]) if queued else {}
        return _session_info(session, positions.get(session.id))

    async def mint_ticket(self, user_id: int, token_id: int | None, label: str, state_hash: str) -> str:
        """Return a ticket for one entry within `TICKET_SECONDS`, in the browser that has the state of `state_hash`."""
        ticket = token_urlsafe(32)
        content = {"user": user_id, "token": token_id, "label": label, "state": state_hash}
        await self._redis.set(_ticket_key(ticket), orjson.dumps(content), ex=TICKET_SECONDS)
        return ticket

    async def redeem_ticket(self, ticket: str, label: str, state_hash: str) -> AccessGrant | None:
        """Redeem a ticket; None if it is forged, spent, expired, or for another host or browser."""
        text = await self._redis.getdel(_ticket_key(ticket))
        if text is None:
            return None
        content = orjson.loads(text)
        if (content["label"], content["state"]) != (label, state_hash):
            return None
        session = await Session.get_or_none(label=label)
        if session is None or session.creator_id != content["user"]:
            return None
        return AccessGrant(content["user"], now() + GRANT_LIFETIME, content["token"])

    async def issue_cookie(self, grant: GrantOwner, label: str) -> str:
        """Return the cookie value of a grant: a new token for this session only."""
        session = await Session.get_or_none(label=label)
        if session is None:
            raise NotFound
        _, minted = await tokens.mint(
            grant.user_id,
            TokenKind.ENTRY,
            actor=Actor(ActorKind.USER, grant.user_id),
            lifetime=GRANT_LIFETIME,
            session_id=session.id,
            parent_id=grant.token_id,
        )
        return minted.text

    async def grant_from_cookie(self, cookie: str, label: str) -> AccessGrant | None:
        """Return the grant of a cookie; None unless the cookie and the token that it comes from are live."""
        token = await authentication.find_live_token(cookie)
        if token is None or token.kind is not TokenKind.ENTRY:
            return None
        session = await Session.get_or_none(id=token.session_id, label=label)
        if session is None or not await _is_parent_live(token):
            return None
        return AccessGrant(token.user_id, _expiry(token), token.id)

    async def grant_from_token(self, token: str, label: str) -> AccessGrant | None:
        """Return the grant of an API token that a script sends instead of a cookie; None if it may not enter."""
        row = await authentication.find_live_token(token)
        session = await Session.get_or_none(label=label)
        if row is None or row.kind is TokenKind.ENTRY or session is None:
            return None
        principal = await authentication.principal_for_token(row)
        if not await can_enter(principal, session):
            return None
        return AccessGrant(principal.user_id, _expiry(row), row.id)

    async def record_activity(self, session_id: int) -> None:
        """Record that the session is in use now."""
        await session_lifetime.record_activity(session_id)

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[TopicListener]:
        """Subscribe to change events of sessions and users."""
        return self._bus.subscribe(*topics)


async def can_enter(principal: Principal, session: Session) -> bool:
    """Return whether the principal may enter the session. A denial is recorded in the session's history."""
    decision = can_connect(principal, session)
    if decision is not True:
        await denials.record(
            Actor.from_principal(principal), Action.SESSION_OPEN, Resource.SESSION, session.id, decision
        )
    return decision is True


def _expiry(token: Token) -> datetime:
    return token.expires_at or now() + GRANT_LIFETIME


async def _is_parent_live(token: Token) -> bool:
    if token.parent_id is None:
        return True
    parent = await Token.get_or_none(id=token.parent_id)
    return parent is not None and parent.is_live(now())


def _ticket_key(ticket: str) -> str:
    return f"carrel:ticket:{sha256(ticket.encode()).hexdigest()}"


def _session_info(session: Session, queue_position: int | None) -> SessionInfo:
    image = session.image
    http = (session.host, session.http_port) if session.host and session.http_port else None
    websocket = (session.host, session.websocket_port) if session.host and session.websocket_port else None
    return SessionInfo(
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
        queue_position=queue_position,
    )
