"""The contract between the proxy and the domain: sessions, access grants and change events.

`models.services.sessions.session_access` implements it; the tests have one in memory.
"""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

Address = tuple[str, int]


class SessionInfo(Protocol):
    """A session as its row describes it now."""

    @property
    def session_id(self) -> int:
        """The row's id; its changes are published on the topic `session:<id>`."""

    @property
    def label(self) -> str:
        """The DNS label of this session; labels are never reused."""

    @property
    def state(self) -> str:
        """A session state: queued, starting, running, stopping, stopped, failed or expired."""

    @property
    def creator_id(self) -> int:
        """The only user who may enter."""

    @property
    def http(self) -> Address | None:
        """The container's http address; None before it runs."""

    @property
    def websocket(self) -> Address | None:
        """The container's websocket address; None if it has no separate port for them."""

    @property
    def initial_path(self) -> str:
        """The path to open when the user asked for none."""

    @property
    def reason(self) -> str | None:
        """The reason of its end, as one sentence."""

    @property
    def expires_at(self) -> datetime | None:
        """The latest time of its end."""

    @property
    def title(self) -> str:
        """The title of its workstation."""

    @property
    def queue_position(self) -> int | None:
        """Its position in the region's queue, from 1; None if it is not queued."""


class AccessGrant(Protocol):
    """A user's right to enter one session until a point in time."""

    @property
    def user_id(self) -> int:
        """The user; sign-out and revocation are published on `user:<id>`."""

    @property
    def token_id(self) -> int | None:
        """The token that the grant comes from; the grant ends with it."""

    @property
    def expires_at(self) -> datetime:
        """The end of the grant; tunnels that it opened are closed then."""


class TopicListener(Protocol):
    """A subscription to change events."""

    async def wait(self) -> object:
        """Return at the next event; events since the last call count as one."""


class SessionDirectory(Protocol):
    """All that the proxy asks of the domain; every method may raise when a store is down."""

    async def session_info(self, label: str) -> SessionInfo | None:
        """Return the session with this label, or None."""

    async def grant_from_cookie(self, cookie: str, label: str) -> AccessGrant | None:
        """Return the grant of a cookie of this label; None if it is forged, expired or revoked."""

    async def grant_from_token(self, token: str, label: str) -> AccessGrant | None:
        """Return the grant of a platform token that a program sends; None if it may not enter."""

    async def redeem_ticket(self, ticket: str, label: str, state_hash: str) -> AccessGrant | None:
        """Redeem a ticket. It must be for this label and this state hash ("" for one that is bound to no browser)."""

    async def issue_cookie(self, grant: AccessGrant, label: str) -> str:
        """Return a cookie value that `grant_from_cookie` accepts for this label only."""

    async def record_activity(self, session_id: int) -> None:
        """Record that the session is in use now."""

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[TopicListener]:
        """Subscribe to change events of topics, from the moment the context is entered."""
