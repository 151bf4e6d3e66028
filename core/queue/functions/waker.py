"""The bell: it wakes whoever drains a queue as a function, after the jobs are there; it never carries work.

One token in Redis says that a wake-up is on its way, and keeps a thousand jobs from ringing a thousand times. The
drain deletes it before its first look at the queue: a job that was there by then is seen, one that comes later rings
anew. A bell that could not be rung gives its token back: the next job rings, and at the latest the schedule finds the
work.
"""

import asyncio
import hmac
import json
import logging
import math
import time
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from redis.asyncio import Redis

from core.queue.names import QueueClass, class_of

log = logging.getLogger(__name__)

TOKEN_SECONDS = 30
RING_SECONDS = 1.5
SKEW_SECONDS = 300
LONGEST_DELAY = 900
"""SQS keeps a message back for at most a quarter of an hour; what is due later is found by the schedule."""
HEADER = "X-Carrel-Bell"


class Clapper(Protocol):
    """What strikes a bell: a request that makes the platform start a function."""

    can_wait: bool
    """Whether it can be told to strike later."""

    async def strike(self, said: bytes, delay: int) -> None:
        """Have a function called with what is `said`, `delay` seconds from now; raise when that could not be asked."""
        ...


class Bells:
    """The bells of an installation, by sort of queue or, where regions differ, by `region:sort`; others are silent."""

    def __init__(self, redis: Redis, clappers: Mapping[str, Clapper]) -> None:
        """Keep tokens in `redis`."""
        self._redis, self._clappers = redis, clappers

    async def ring(self, queue: str, due_at: datetime | None = None) -> bool:
        """Wake the drain of `queue`, now or when a job is due; False when nobody need be woken or nobody could be."""
        clapper = self._clapper(queue)
        if clapper is None:
            return False
        due = None if due_at is None else math.ceil(due_at.timestamp())
        delay = 0 if due is None else max(0, math.ceil(due - time.time()))
        if delay and (not clapper.can_wait or delay > LONGEST_DELAY):
            return False
        token = token_of(queue) if delay == 0 else f"{token_of(queue)}:{due}"
        if not await self._redis.set(token, b"1", nx=True, ex=TOKEN_SECONDS + delay):
            return False
        return await self._strike(clapper, queue, delay, token)

    async def _strike(self, clapper: Clapper, queue: str, delay: int, token: str) -> bool:
        try:
            async with asyncio.timeout(RING_SECONDS):
                await clapper.strike(message(queue), delay)
        except BaseException as error:
            await asyncio.shield(self._redis.delete(token))
            if not isinstance(error, Exception):
                raise
            log.warning("bell: nobody was woken for %s (%s); its schedule will find the work", queue, error)
            return False
        return True

    def _clapper(self, queue: str) -> Clapper | None:
        region, kind = class_of(queue)
        return self._clappers.get(f"{region}:{kind}") or self._clappers.get(kind)


def token_of(queue: str) -> str:
    """Return the key that says that a wake-up for the queue is on its way."""
    return f"carrel:bell:{queue}"


async def heard(redis: Redis, queue: str) -> None:
    """Take note of a wake-up; to be called before the first look at the queue, never after it."""
    await redis.delete(token_of(queue))


def known(kind: str) -> bool:
    """Say whether a bell may be hung under this name."""
    return kind.rpartition(":")[2] in set(QueueClass)


def message(queue: str) -> bytes:
    """Return what a bell says."""
    return json.dumps({"queue": queue}).encode()


def sign(secret: str, body: bytes, at: int | None = None) -> str:
    """Return the signature of a bell's body, with the time that it covers."""
    moment = int(time.time()) if at is None else at
    return f"{moment}.{_digest(secret, moment, body)}"


def is_signed(secret: str, header: str | None, body: bytes) -> bool:
    """Say whether the body was signed with the secret within five minutes of now; compared in constant time."""
    at, _, digest = (header or "").partition(".")
    if not secret or not (at.isascii() and at.isdigit() and len(at) < 12):
        return False
    good = hmac.compare_digest(_digest(secret, int(at), body).encode(), digest.encode())
    return good and abs(time.time() - int(at)) <= SKEW_SECONDS


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
