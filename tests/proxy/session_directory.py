"""A session directory in memory: sessions, grants and tickets as a test sets them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.clock import now
from proxy.directory import AccessGrant

LABEL = "k7q2m9x4w8r3t6y1p5z0aaaa"
OWNER, STRANGER = 7, 8


@dataclass(frozen=True)
class FakeSession:
    session_id: int = 12
    label: str = LABEL
    state: str = "running"
    creator_id: int = OWNER
    http: tuple[str, int] | None = None
    websocket: tuple[str, int] | None = None
    initial_path: str = "/start"
    reason: str | None = None
    expires_at: datetime | None = None
    title: str = "Viewer"
    queue_position: int | None = None


@dataclass(frozen=True)
class FakeGrant:
    user_id: int = OWNER
    token_id: int | None = 1
    expires_at: datetime = field(default_factory=lambda: now() + timedelta(hours=1))


class FakeListener:
    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self) -> None:
        await self.event.wait()
        self.event.clear()


class StoreDownError(Exception):
    """The store is down."""


class InMemoryDirectory:
    """A fake of the directory; cookies are `<label>:<name>` for the grant of that name."""

    def __init__(self) -> None:
        self.sessions: dict[str, FakeSession] = {}
        self.grants: dict[str, FakeGrant] = {"owner": FakeGrant(), "stranger": FakeGrant(user_id=STRANGER)}
        self.tickets: dict[tuple[str, str, str], str] = {}
        self.tokens: dict[str, FakeGrant] = {"carrel_api_k_s": FakeGrant()}
        self.subscribers: list[tuple[frozenset[str], FakeListener]] = []
        self.down = False
        self.lookups = 0
        self.recorded_activity: list[int] = []

    def cookie(self, name: str = "owner", label: str = LABEL) -> str:
        return f"{label}:{name}"

    def _check(self) -> None:
        self.lookups += 1
        if self.down:
            raise StoreDownError

    async def session_info(self, label: str) -> FakeSession | None:
        self._check()
        return self.sessions.get(label)

    async def grant_from_cookie(self, cookie: str, label: str) -> FakeGrant | None:
        self._check()
        bound, _, name = cookie.partition(":")
        return self.grants.get(name) if bound == label else None

    async def grant_from_token(self, token: str, label: str) -> FakeGrant | None:
        self._check()
        return self.tokens.get(token)

    async def redeem_ticket(self, ticket: str, label: str, state_hash: str) -> FakeGrant | None:
        self._check()
        name = self.tickets.pop((ticket, label, state_hash), None)
        return replace(self.grants[name]) if name else None

    async def issue_cookie(self, grant: AccessGrant, label: str) -> str:
        name = next(name for name, kept in self.grants.items() if kept == grant)
        return self.cookie(name, label)

    async def record_activity(self, session_id: int) -> None:
        self._check()
        self.recorded_activity.append(session_id)

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[FakeListener]:
        item = (frozenset(topics), FakeListener())
        self.subscribers.append(item)
        try:
            yield item[1]
        finally:
            self.subscribers.remove(item)

    def publish(self, topic: str) -> None:
        for topics, listener in self.subscribers:
            if topic in topics:
                listener.event.set()

    def update_session(self, label: str = LABEL, **changes: object) -> None:
        """Change a session and publish that."""
        self.sessions[label] = replace(self.sessions[label], **changes)  # type: ignore[arg-type]
        self.publish(f"session:{self.sessions[label].session_id}")

    def delete_session(self, label: str = LABEL) -> None:
        """Delete a session and publish that."""
        self.publish(f"session:{self.sessions.pop(label).session_id}")

    def sign_out(self, name: str = "owner") -> None:
        """Revoke a grant and publish that."""
        grant = self.grants.pop(name)
        self.publish(f"user:{grant.user_id}")
