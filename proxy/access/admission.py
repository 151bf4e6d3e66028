"""One question for http and websocket alike: whether a credential may come in to a session now."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core import clock
from proxy.config import Options
from proxy.directory import Desk, Doors, Entry
from proxy.http.request import Credential
from proxy.relay.pool import Pool
from proxy.relay.tunnel import SIGNED_OUT

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 60.0
RETRY_SECONDS = 1.0


class Verdict(StrEnum):
    """What becomes of a request at a session's door."""

    ADMITTED = "admitted"
    SIGN_IN = "sign in"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    ENDED = "ended"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    ELSEWHERE = "elsewhere"


class Revocable(Protocol):
    """Something that goes on under a pass and ends with it."""

    def revoke(self, code: int = SIGNED_OUT, /) -> None:
        """Close it at once."""


@dataclass(slots=True, eq=False)
class Pass:
    """A verdict for one credential at one session, good for a moment; `live` goes on under it."""

    verdict: Verdict
    desk: Desk | None = None
    entry: Entry | None = None
    line: Line | None = None
    asked_at: float = 0.0
    used_at: float = 0.0
    fresh_until: float = 0.0
    live: set[Revocable] = field(default_factory=set)

    def revoke(self) -> None:
        """End all that goes on under the pass."""
        for live in list(self.live):
            live.revoke()


@dataclass(slots=True, eq=False)
class Line:
    """What the proxy holds of one session: its passes, its connections, and the watch over both."""

    label: bytes
    pool: Pool
    passes: dict[Credential, Pass] = field(default_factory=dict)
    watch: asyncio.Task[None] | None = None
    requests: int = 0
    tunnels: int = 0
    worked: bool = False
    """Whether somebody has done something by request since the last look."""


NOBODY = Pass(Verdict.SIGN_IN)
CLOSED_DOORS = Pass(Verdict.UNAVAILABLE)


def judge(desk: Desk | None, entry: Entry | None) -> Verdict:
    """Say what becomes of someone with this entry at this desk; what is another's is unknown."""
    if entry is None or entry.expires_at <= clock.now():
        return Verdict.SIGN_IN
    if desk is None or desk.creator_id != entry.user_id:
        return Verdict.UNKNOWN
    if overdue(desk):
        return Verdict.ENDED
    if desk.state == "running" and desk.http is not None:
        return Verdict.ADMITTED
    return Verdict.WAITING if desk.state in ("queued", "starting", "running") else Verdict.ENDED


def overdue(desk: Desk) -> bool:
    """Tell whether a session's time is over, whatever its state says yet."""
    return desk.expires_at is not None and desk.expires_at <= clock.now()


class Admission:
    """Asks the doors, remembers for a second, forgets at a hint, and closes what is no longer allowed."""

    def __init__(self, doors: Doors, options: Options) -> None:
        self.doors = doors
        self.options = options
        self.lines: dict[bytes, Line] = {}
        self.asking: dict[tuple[bytes, Credential], asyncio.Task[Pass]] = {}

    def known(self, label: bytes, credential: Credential, now: float) -> Pass | None:
        """Return a verdict that is still fresh, without asking."""
        line = self.lines.get(label)
        if line is None:
            return None
        found = line.passes.get(credential)
        return found if found is not None and found.fresh_until > now else None

    async def admit(self, label: bytes, credential: Credential) -> Pass:
        """Return a fresh verdict; many who ask at once ask once. Never raises but for cancellation."""
        key = (label, credential)
        task = self.asking.get(key)
        if task is None:
            task = self.asking[key] = asyncio.create_task(self._ask(label, credential))
            task.add_done_callback(lambda _: self.asking.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, label: bytes, credential: Credential) -> Pass:
        now = asyncio.get_running_loop().time()
        line = self.lines.get(label)
        old = line.passes.get(credential) if line else None
        try:
            async with asyncio.timeout(self.options.doors_timeout):
                entry = await self._entry(label, credential)
                desk = await self.doors.desk(label.decode()) if entry is not None else None
        except Exception:
            log.exception("The doors do not answer; known sessions go on for a while.")
            return self._stale(old, now)
        return self._renew(label, credential, desk, entry, now)

    async def _entry(self, label: bytes, credential: Credential) -> Entry | None:
        cookie, bearer = credential
        if bearer is not None:
            return await self.doors.bearer(bearer.decode("latin-1"), label.decode())
        return await self.doors.entry((cookie or b"").decode("latin-1"), label.decode())

    def _stale(self, old: Pass | None, now: float) -> Pass:
        if old is None or old.verdict is not Verdict.ADMITTED or now - old.asked_at > self.options.stale_seconds:
            return CLOSED_DOORS
        verdict = judge(old.desk, old.entry)
        if verdict is not Verdict.ADMITTED:
            old.verdict = verdict
            old.revoke()
            return old
        old.fresh_until = now + self.options.verdict_seconds
        return old

    def _renew(
        self, label: bytes, credential: Credential, desk: Desk | None, entry: Entry | None, asked_at: float
    ) -> Pass:
        """Write down what was just learned, and act on it, unless it was asked before what is known already."""
        verdict = judge(desk, entry)
        line = self.lines.get(label)
        held = line.passes.get(credential) if line else None
        if verdict is Verdict.ADMITTED and desk is not None:
            line = self._line(label, desk)
            held = held or line.passes.setdefault(credential, Pass(verdict, used_at=asked_at))
        if held is None:
            return Pass(verdict, desk, entry)
        if held.asked_at > asked_at:
            return held
        self._moved(line, held.desk, desk)
        held.verdict, held.desk, held.entry, held.line = verdict, desk, entry, line
        held.asked_at, held.fresh_until = asked_at, asked_at + self.options.verdict_seconds
        if verdict is not Verdict.ADMITTED:
            held.revoke()
        return held

    def _moved(self, line: Line | None, before: Desk | None, after: Desk | None) -> None:
        """Close the kept connections when the container they lead to is no longer the session's."""
        if line is None or before is None:
            return
        if (
            after is None
            or after.state != "running"
            or (before.http, before.websocket) != (after.http, after.websocket)
        ):
            line.pool.close()
            line.pool = Pool(self.options)

    def _line(self, label: bytes, desk: Desk) -> Line:
        line = self.lines.get(label)
        if line is None:
            line = self.lines[label] = Line(label, Pool(self.options))
            line.watch = asyncio.create_task(self._watch(line, desk))
        return line

    async def _watch(self, line: Line, desk: Desk) -> None:
        """Look again at every hint, at every expiry, and now and then; end when nobody is there."""
        try:
            while self._attended(line):
                try:
                    await self._follow(line, desk)
                except Exception:
                    log.exception("Lost the hints of session %s; subscribing again.", desk.session_id)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            if self.lines.get(line.label) is line:
                del self.lines[line.label]
            line.pool.close()

    async def _follow(self, line: Line, desk: Desk) -> None:
        topics = (f"session:{desk.session_id}", f"user:{desk.creator_id}")
        async with self.doors.subscribe(*topics) as hints:
            while self._attended(line):
                await self.review(line)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._patience(line)):
                        await hints.wait()

    async def review(self, line: Line) -> None:
        """Ask again for every pass of a session; those in use that are refused now are closed."""
        for held in line.passes.values():
            held.fresh_until = 0.0
        for credential in list(line.passes):
            await self._ask(line.label, credential)

    def _patience(self, line: Line) -> float:
        """Return how long to wait for a hint: at most until the first of the entries, or the session, expires."""
        known = [end for held in line.passes.values() for end in (held.entry, held.desk) if end is not None]
        ends = [end.expires_at for end in known if end.expires_at is not None]
        left = min(((end - clock.now()).total_seconds() for end in ends), default=self.options.review_seconds)
        return max(0.01, min(left, self.options.review_seconds))

    def _attended(self, line: Line) -> bool:
        """Forget passes that nobody has used for a while, and tell whether any is left."""
        now = asyncio.get_running_loop().time()
        for credential, held in list(line.passes.items()):
            unused = now - held.used_at > REMEMBERED_SECONDS
            if not held.live and (held.verdict is not Verdict.ADMITTED or unused):
                del line.passes[credential]
        return bool(line.passes)

    def tunnels(self) -> Iterator[Revocable]:
        """Yield all that is open under any pass."""
        for line in self.lines.values():
            for held in line.passes.values():
                yield from list(held.live)

    async def close(self) -> None:
        """End the watches and close the connections."""
        watches = [line.watch for line in self.lines.values() if line.watch is not None]
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
