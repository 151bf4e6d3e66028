"""Reports which sessions are in use, at most once per `activity_seconds` each; the server runs it.

Requests count if a person may have caused them, and tunnels by the bytes that the client sends beyond keep-alives.
Messages are not inspected: the kernel counts the bytes of a connection. An open tab is not activity.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from proxy.access.admission import Admission
from proxy.access.sessions import ActiveSession, Revocable
from proxy.http.request import ProxyRequest

log = logging.getLogger(__name__)

READ_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))
KEEP_ALIVE_BYTES = 512
"""Bytes per report that an unused websocket may send: answers to pings, and a heartbeat of its page."""


def counts_as_activity(request: ProxyRequest) -> bool:
    """Return whether a person may have caused the request, not only a page that was left open."""
    return request.method not in READ_METHODS or request.is_navigation


class ActivityTracker:
    """Finds sessions in use since the last look, by the bytes that their tunnels had received then."""

    def __init__(self) -> None:
        self._received: WeakKeyDictionary[Revocable, int] = WeakKeyDictionary()

    def sessions_in_use(self, sessions: Iterable[ActiveSession]) -> Iterator[int]:
        """Yield the ids of sessions with activity since the last call."""
        for active in sessions:
            had_request, active.has_activity = active.has_activity, False
            decisions = active.decisions.values()
            info = next((cached.session for cached in decisions if cached.session is not None), None)
            # A list, not a generator: every tunnel's count must be updated.
            has_sent = [self._has_sent(work) for cached in decisions for work in cached.open_work]
            if info is not None and (had_request or any(has_sent)):
                yield info.session_id

    def _has_sent(self, work: Revocable) -> bool:
        now = work.bytes_received()
        # The page may have opened the tunnel by itself, so its first bytes do not count.
        before = self._received.get(work, now)
        self._received[work] = now
        return now - before > KEEP_ALIVE_BYTES


async def report_activity(admission: Admission) -> None:
    """Record activity in the directory at intervals; runs until it is cancelled."""
    tracker, options = ActivityTracker(), admission.options
    while True:
        await asyncio.sleep(options.activity_seconds)
        for session_id in list(tracker.sessions_in_use(list(admission.sessions.values()))):
            try:
                async with asyncio.timeout(options.directory_timeout):
                    await admission.directory.record_activity(session_id)
            except Exception:
                log.exception("Could not record activity of session %d; the next report tries again.", session_id)
