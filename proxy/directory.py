"""What the proxy asks of the rest of the house: who sits at a desk, and who may come in."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

Address = tuple[str, int]


class Desk(Protocol):
    """A session as its row tells it now."""

    @property
    def session_id(self) -> int:
        """The row's id; its moves are hinted on the topic `session:<id>`."""

    @property
    def label(self) -> str:
        """The DNS label that is this session's alone."""

    @property
    def state(self) -> str:
        """A session state: queued, starting, running, stopping, stopped, failed or expired."""

    @property
    def creator_id(self) -> int:
        """The user who may enter."""

    @property
    def http(self) -> Address | None:
        """Where the container answers http; None before it runs."""

    @property
    def websocket(self) -> Address | None:
        """Where the container takes websockets; None when it has no port of its own for them."""

    @property
    def initial_path(self) -> str:
        """The path to open when nobody asked for another."""

    @property
    def reason(self) -> str | None:
        """Why it ended, as one sentence."""

    @property
    def expires_at(self) -> datetime | None:
        """When it ends at the latest."""

    @property
    def title(self) -> str:
        """What its workstation is called."""

    @property
    def place(self) -> int | None:
        """Its place in the waiting line, from 1; None unless it waits there."""


class Entry(Protocol):
    """A right to enter: whose it is, and until when."""

    @property
    def user_id(self) -> int:
        """The user who enters; sign-out and revocation are hinted on `user:<id>`."""

    @property
    def token_id(self) -> int | None:
        """The token that it came from, whose end is its end too."""

    @property
    def expires_at(self) -> datetime:
        """When the right ends; tunnels opened with it end then too."""


class Hints(Protocol):
    """A subscription that says `look again`."""

    async def wait(self) -> object:
        """Return at the next hint; hints that came meanwhile count as one."""


class Doors(Protocol):
    """The proxy's only questions; any of them may raise when a store is down."""

    async def desk(self, label: str) -> Desk | None:
        """Return the session with this label, or None."""

    async def entry(self, cookie: str, label: str) -> Entry | None:
        """Return the entry a cookie of this very label stands for; None if forged, expired or revoked."""

    async def bearer(self, token: str, label: str) -> Entry | None:
        """Return the entry of a platform token sent by a client that is no browser; None if it may not."""

    async def redeem_ticket(self, ticket: str, label: str, state_hash: str) -> Entry | None:
        """Spend a ticket. It must be for this label and this exact state hash ("" for one minted unbound)."""

    async def seal(self, entry: Entry, label: str) -> str:
        """Return the cookie value that `entry` will recognise at this label, and at no other."""

    async def used(self, session_id: int) -> None:
        """Keep that somebody works in the session now."""

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[Hints]:
        """Subscribe to hints on topics, from the moment the context is entered."""
