"""Checks access to sessions, for http and websockets alike, and revokes what is no longer allowed.

The relay asks it for every request. Decisions are cached for about a second and dropped at a change event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from core.concurrency.in_flight import InFlight
from proxy.access.sessions import (
    UNAVAILABLE,
    ActiveSession,
    CachedDecision,
    ConnectionPool,
    Decision,
    decide,
    seconds_until_expiry,
)
from proxy.config import ProxyOptions
from proxy.directory import AccessGrant, SessionDirectory, SessionInfo
from proxy.http.request import Credential

log = logging.getLogger(__name__)

UNUSED_SECONDS = 60.0
RETRY_SECONDS = 1.0


class Admission:
    """The access decisions of one proxy; `sessions` has the sessions in use by their label."""

    def __init__(
        self, directory: SessionDirectory, options: ProxyOptions, make_pool: Callable[[], ConnectionPool]
    ) -> None:
        self.directory = directory
        self.options = options
        self.make_pool = make_pool
        self.sessions: dict[bytes, ActiveSession] = {}
        self._look_ups: InFlight[tuple[bytes, Credential], CachedDecision] = InFlight()

    def peek(self, label: bytes, credential: Credential, now: float) -> CachedDecision | None:
        """Return a cached decision that is still fresh."""
        active = self.sessions.get(label)
        if active is None:
            return None
        found = active.decisions.get(credential)
        return found if found is not None and found.fresh_until > now else None

    async def check_access(self, label: bytes, credential: Credential) -> CachedDecision:
        """Return a fresh decision. Concurrent calls share one look-up; only cancellation raises."""
        return await self._look_ups.share((label, credential), lambda: self._load(label, credential))

    async def _load(self, label: bytes, credential: Credential) -> CachedDecision:
        now = asyncio.get_running_loop().time()
        active = self.sessions.get(label)
        cached = active.decisions.get(credential) if active else None
        try:
            async with asyncio.timeout(self.options.directory_timeout):
                grant = await self._load_grant(label, credential)
                session = await self.directory.session_info(label.decode()) if grant is not None else None
        except Exception:
            log.exception("The session directory does not answer; cached decisions remain valid for a while.")
            return self._prolong(cached, now)
        return self._store(label, credential, session, grant, now)

    async def _load_grant(self, label: bytes, credential: Credential) -> AccessGrant | None:
        cookie, bearer = credential
        if bearer is not None:
            return await self.directory.grant_from_token(bearer.decode("latin-1"), label.decode())
        return await self.directory.grant_from_cookie((cookie or b"").decode("latin-1"), label.decode())

    def _prolong(self, cached: CachedDecision | None, now: float) -> CachedDecision:
        """Use the last known facts while the directory is down, up to `stale_seconds`."""
        if cached is None or cached.decision is not Decision.ADMITTED:
            return UNAVAILABLE
        if now - cached.checked_at > self.options.stale_seconds:
            return UNAVAILABLE
        decision = decide(cached.session, cached.grant)
        if decision is not Decision.ADMITTED:
            cached.decision = decision
            cached.revoke()
            return cached
        cached.fresh_until = now + self.options.decision_seconds
        return cached

    def _store(
        self,
        label: bytes,
        credential: Credential,
        session: SessionInfo | None,
        grant: AccessGrant | None,
        checked_at: float,
    ) -> CachedDecision:
        """Cache a decision and revoke what it forbids; an older result than the cached one is ignored."""
        decision = decide(session, grant)
        active = self.sessions.get(label)
        cached = active.decisions.get(credential) if active else None
        if decision is Decision.ADMITTED and session is not None:
            active = self._activate(label, session)
            cached = cached or active.decisions.setdefault(credential, CachedDecision(decision, used_at=checked_at))
        # Strangers' decisions are not cached: only admitted credentials take memory.
        if cached is None:
            return CachedDecision(decision, session, grant)
        # A slow look-up may return after a newer one.
        if cached.checked_at > checked_at:
            return cached
        self._replace_pool_if_moved(active, cached.session, session)
        cached.decision, cached.session, cached.grant, cached.active = decision, session, grant, active
        cached.checked_at, cached.fresh_until = checked_at, checked_at + self.options.decision_seconds
        if decision is not Decision.ADMITTED:
            cached.revoke()
        return cached

    def _replace_pool_if_moved(
        self, active: ActiveSession | None, before: SessionInfo | None, after: SessionInfo | None
    ) -> None:
        if active is None or before is None:
            return
        addresses = (before.http, before.websocket)
        # Another container may get this address next: no pooled connection may lead to it.
        if after is None or after.state != "running" or addresses != (after.http, after.websocket):
            active.pool.close()
            active.pool = self.make_pool()

    def _activate(self, label: bytes, session: SessionInfo) -> ActiveSession:
        active = self.sessions.get(label)
        if active is None:
            active = self.sessions[label] = ActiveSession(label, self.make_pool())
            active.watcher = asyncio.create_task(self._watch(active, session))
        return active

    async def _watch(self, active: ActiveSession, session: SessionInfo) -> None:
        """Recheck a session while it has decisions; then forget it."""
        try:
            while self._prune_unused(active):
                try:
                    await self._recheck_on_events(active, session)
                except Exception:
                    # Without events, decisions are still rechecked when they are used.
                    log.exception("Lost the change events of session %s; subscribing again.", session.session_id)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            if self.sessions.get(active.label) is active:
                del self.sessions[active.label]
            active.pool.close()

    async def _recheck_on_events(self, active: ActiveSession, session: SessionInfo) -> None:
        """Recheck at every event, at every expiry, and every `recheck_seconds` in case an event was lost."""
        topics = (f"session:{session.session_id}", f"user:{session.creator_id}")
        async with self.directory.subscribe(*topics) as events:
            while self._prune_unused(active):
                await self.recheck(active)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds_until_expiry(active, self.options.recheck_seconds)):
                        await events.wait()

    async def recheck(self, active: ActiveSession) -> None:
        """Check every credential of a session again, and close what is refused now."""
        for cached in active.decisions.values():
            cached.fresh_until = 0.0
        for credential in list(active.decisions):
            await self._load(active.label, credential)

    def _prune_unused(self, active: ActiveSession) -> bool:
        """Drop decisions without use for a while; return whether any is left."""
        now = asyncio.get_running_loop().time()
        for credential, cached in list(active.decisions.items()):
            unused = now - cached.used_at > UNUSED_SECONDS
            if not cached.open_work and (cached.decision is not Decision.ADMITTED or unused):
                del active.decisions[credential]
        return bool(active.decisions)

    async def close(self) -> None:
        """Stop the watchers, which close the connections."""
        watchers = [active.watcher for active in self.sessions.values() if active.watcher is not None]
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
