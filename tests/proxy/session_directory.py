"""Doors that live in memory: sessions, entries and tickets as a test sets them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.clock import now
from proxy.directory import Entry

LABEL = "k7q2m9x4w8r3t6y1p5z0aaaa"
OWNER, STRANGER = 7, 8


@dataclass(frozen=True)
class MemoryDesk:
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
    place: int | None = None


@dataclass(frozen=True)
class MemoryEntry:
    user_id: int = OWNER
    token_id: int | None = 1
    expires_at: datetime = field(default_factory=lambda: now() + timedelta(hours=1))


class MemoryHints:
    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self) -> None:
        await self.event.wait()
        self.event.clear()


class DoorsClosedError(Exception):
    """The store is down."""


class MemoryDoors:
    """A fake of the doors; cookies are `<label>:<name>` for an entry called name."""

    def __init__(self) -> None:
        self.desks: dict[str, MemoryDesk] = {}
        self.entries: dict[str, MemoryEntry] = {"owner": MemoryEntry(), "stranger": MemoryEntry(user_id=STRANGER)}
        self.tickets: dict[tuple[str, str, str], str] = {}
        self.tokens: dict[str, MemoryEntry] = {"carrel_api_k_s": MemoryEntry()}
        self.subscribers: list[tuple[frozenset[str], MemoryHints]] = []
        self.subscribed = asyncio.Condition()
        self.down = False
        self.questions = 0
        self.uses: list[int] = []

    def cookie(self, name: str = "owner", label: str = LABEL) -> str:
        return f"{label}:{name}"

    def _check(self) -> None:
        self.questions += 1
        if self.down:
            raise DoorsClosedError

    async def desk(self, label: str) -> MemoryDesk | None:
        self._check()
        return self.desks.get(label)

    async def entry(self, cookie: str, label: str) -> MemoryEntry | None:
        self._check()
        bound, _, name = cookie.partition(":")
        return self.entries.get(name) if bound == label else None

    async def bearer(self, token: str, label: str) -> MemoryEntry | None:
        self._check()
        return self.tokens.get(token)

    async def redeem_ticket(self, ticket: str, label: str, state_hash: str) -> MemoryEntry | None:
        self._check()
        name = self.tickets.pop((ticket, label, state_hash), None)
        return replace(self.entries[name]) if name else None

    async def seal(self, entry: Entry, label: str) -> str:
        name = next(name for name, kept in self.entries.items() if kept == entry)
        return self.cookie(name, label)

    async def used(self, session_id: int) -> None:
        self._check()
        self.uses.append(session_id)

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[MemoryHints]:
        item = (frozenset(topics), MemoryHints())
        self.subscribers.append(item)
        try:
            yield item[1]
        finally:
            self.subscribers.remove(item)

    def hint(self, topic: str) -> None:
        for topics, hints in self.subscribers:
            if topic in topics:
                hints.event.set()

    def move(self, label: str = LABEL, **changes: object) -> None:
        """Change a session's row, and say so."""
        self.desks[label] = replace(self.desks[label], **changes)  # type: ignore[arg-type]
        self.hint(f"session:{self.desks[label].session_id}")

    def remove(self, label: str = LABEL) -> None:
        """Delete a session's row, and say so."""
        self.hint(f"session:{self.desks.pop(label).session_id}")

    def sign_out(self, name: str = "owner") -> None:
        """Take an entry back, and say so."""
        entry = self.entries.pop(name)
        self.hint(f"user:{entry.user_id}")
