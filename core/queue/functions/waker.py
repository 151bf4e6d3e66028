"""Wakes the functions that drain queues, after the jobs were enqueued; the outbox dispatcher uses it.

A wake-up carries no work. A key in Redis marks one as pending, so a thousand jobs cause one wake-up. The drain deletes
the key before its first look at the queue: it sees every job enqueued before, and a later job wakes it again. A
wake-up that failed deletes its key: the next job tries again, and the schedule of the function finds the rest.
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

from core.queue.names import QueueClass, parse_queue

log = logging.getLogger(__name__)

WAKEUP_TTL_SECONDS = 30
SEND_SECONDS = 1.5
SKEW_SECONDS = 300
MAX_DELAY_SECONDS = 900
"""The longest delay of SQS; jobs that are due later are found by the function's schedule."""
SIGNATURE_HEADER = "X-Carrel-Signature"


class WakeTransport(Protocol):
    """The request that makes a platform start a function."""

    can_delay: bool
    """Whether it supports a delay."""

    async def send(self, body: bytes, delay: int) -> None:
        """Request a call of the function with `body` in `delay` seconds; raise when the request failed."""
        ...


class FunctionWaker:
    """Wakes functions by queue class or, where regions differ, by `region:class`; other queues have no function."""

    def __init__(self, redis: Redis, transports: Mapping[str, WakeTransport]) -> None:
        """Mark pending wake-ups in `redis`."""
        self._redis, self._transports = redis, transports

    @property
    def has_functions(self) -> bool:
        """Whether a function is configured for any queue."""
        return bool(self._transports)

    async def wake(self, queue: str, due_at: datetime | None = None) -> bool:
        """Wake the drain of `queue`, now or at `due_at`; False when no wake-up was sent, or none is needed."""
        transport = self._transport_of(queue)
        if transport is None:
            return False
        due = None if due_at is None else math.ceil(due_at.timestamp())
        delay = 0 if due is None else max(0, math.ceil(due - time.time()))
        if delay and (not transport.can_delay or delay > MAX_DELAY_SECONDS):
            return False
        # A key for each due second: a delayed wake-up must not suppress an immediate one.
        key = wakeup_key(queue) if delay == 0 else f"{wakeup_key(queue)}:{due}"
        if not await self._redis.set(key, b"1", nx=True, ex=WAKEUP_TTL_SECONDS + delay):
            return False
        return await self._send(transport, queue, delay, key)

    async def _send(self, transport: WakeTransport, queue: str, delay: int, key: str) -> bool:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await transport.send(wakeup_message(queue), delay)
        except BaseException as error:
            # Shielded: a cancelled caller must not leave the key, which would suppress wake-ups until it expires.
            await asyncio.shield(self._redis.delete(key))
            if not isinstance(error, Exception):
                raise
            log.warning(
                "functions: the wake-up for %s failed (%s); the schedule of the function finds its jobs", queue, error
            )
            return False
        return True

    def _transport_of(self, queue: str) -> WakeTransport | None:
        region, kind = parse_queue(queue)
        return self._transports.get(f"{region}:{kind}") or self._transports.get(kind)


def wakeup_key(queue: str) -> str:
    """Return the Redis key of a pending wake-up of the queue."""
    return f"carrel:wakeup:{queue}"


async def acknowledge_wakeup(redis: Redis, queue: str) -> None:
    """Acknowledge a wake-up. Call it before the first look at the queue, never after."""
    await redis.delete(wakeup_key(queue))


def is_valid_queue(name: str) -> bool:
    """Return whether this is a queue class, or `region:class`."""
    return name.rpartition(":")[2] in set(QueueClass)


def wakeup_message(queue: str) -> bytes:
    """Return the body of a wake-up."""
    return json.dumps({"queue": queue}).encode()


def sign(secret: str, body: bytes, at: int | None = None) -> str:
    """Return the signature header of a body; it covers the time as well."""
    moment = int(time.time()) if at is None else at
    return f"{moment}.{_digest(secret, moment, body)}"


def is_signed(secret: str, header: str | None, body: bytes) -> bool:
    """Return whether the body was signed with the secret, at most SKEW_SECONDS ago; compared in constant time."""
    at, _, digest = (header or "").partition(".")
    if not secret or not (at.isascii() and at.isdigit() and len(at) < 12):
        return False
    matches = hmac.compare_digest(_digest(secret, int(at), body).encode(), digest.encode())
    return matches and abs(time.time() - int(at)) <= SKEW_SECONDS


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
