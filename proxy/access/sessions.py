"""Access decisions and the sessions in use: the rules, without I/O, that admission, pages and relay follow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core import clock
from proxy.constants import SIGNED_OUT
from proxy.directory import AccessGrant, SessionInfo
from proxy.http.request import Credential


class Decision(StrEnum):
    """The outcome of an access check."""

    ADMITTED = "admitted"
    SIGN_IN = "sign in"
    NOT_FOUND = "not found"
    WAITING = "waiting"
    ENDED = "ended"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    NO_SESSION_HOST = "no session host"


class Revocable(Protocol):
    """A request or a tunnel that is open under a decision and ends with it."""

    def revoke(self, code: int = SIGNED_OUT, /) -> None:
        """Close it at once."""

    def bytes_received(self) -> int:
        """Return the bytes that the client has sent into a tunnel so far; 0 for a request."""


class ConnectionPool(Protocol):
    """The connections to one session's container."""

    def prune(self, now: float) -> None:
        """Close connections that are idle for long."""

    def close(self) -> None:
        """Close every connection."""


@dataclass(slots=True, eq=False)
class CachedDecision:
    """The decision for one credential at one session; `open_work` is what is open under it."""

    decision: Decision
    session: SessionInfo | None = None
    grant: AccessGrant | None = None
    active: ActiveSession | None = None
    checked_at: float = 0.0
    used_at: float = 0.0
    fresh_until: float = 0.0
    open_work: set[Revocable] = field(default_factory=set)

    def revoke(self) -> None:
        """Close all requests and tunnels under the decision."""
        for work in list(self.open_work):
            work.revoke()


@dataclass(slots=True, eq=False)
class ActiveSession:
    """A session in use: its cached decisions, its connections, its counts, and the task that rechecks it."""

    label: bytes
    pool: ConnectionPool
    decisions: dict[Credential, CachedDecision] = field(default_factory=dict)
    watcher: asyncio.Task[None] | None = None
    requests: int = 0
    tunnels: int = 0
    has_activity: bool = False
    """Whether a request since the last report counts as activity."""


SIGN_IN = CachedDecision(Decision.SIGN_IN)
UNAVAILABLE = CachedDecision(Decision.UNAVAILABLE)
NO_SESSION_HOST = CachedDecision(Decision.NO_SESSION_HOST)


def decide(session: SessionInfo | None, grant: AccessGrant | None) -> Decision:
    """Decide about a grant at a session. Other users' sessions look like sessions that do not exist."""
    if grant is None or grant.expires_at <= clock.now():
        return Decision.SIGN_IN
    if session is None or session.creator_id != grant.user_id:
        return Decision.NOT_FOUND
    if is_overdue(session):
        return Decision.ENDED
    if session.state == "running" and session.http is not None:
        return Decision.ADMITTED
    # A running session without an address is about to get one.
    return Decision.WAITING if session.state in ("queued", "starting", "running") else Decision.ENDED


def is_overdue(session: SessionInfo) -> bool:
    """Return whether a session's time is over, even if its state does not say so yet."""
    return session.expires_at is not None and session.expires_at <= clock.now()


def seconds_until_expiry(active: ActiveSession, at_most: float) -> float:
    """Return the seconds until the first grant of the session, or the session itself, expires."""
    cached = active.decisions.values()
    ends = [each.grant.expires_at for each in cached if each.grant is not None]
    ends += [each.session.expires_at for each in cached if each.session and each.session.expires_at is not None]
    left = min(((end - clock.now()).total_seconds() for end in ends), default=at_most)
    # Never 0: an expiry that is due now must not make the watcher spin.
    return max(0.01, min(left, at_most))
