"""The workshop: processes that compute, kept warm; one that is killed or hangs takes nobody else with it."""

import asyncio
import fcntl
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

START_SECONDS = 60.0
PLAN_SECONDS = 60.0
HELLO_SECONDS = 5.0
GRACE_SECONDS = 1.0
"""How long a computation has to stop by itself, before its process is killed."""
LINE_LIMIT = 4 << 20
ORDERS_LIMIT = 200
"""After so many orders a process is replaced, so that nothing that libraries leak piles up."""
PREFIX, LOCK = "carrel-hands-", "lock"
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
Order = Mapping[str, Any]
Heed = Callable[[Mapping[str, Any]], None]


class HandLost(Exception):
    """The process ended while it worked: it was killed, or something in it crashed."""


class Refused(Exception):
    """The operation says in one sentence why it gives no result; `again` when another attempt is worth it."""

    def __init__(self, message: str, *, again: bool) -> None:
        """Say `message`."""
        super().__init__(message)
        self.message, self.again = message, again


class Crashed(Exception):
    """The operation has a bug; the message is its traceback."""


class Stopped(Exception):
    """The computation stopped because its time is over."""


@dataclass
class Hand:
    """One process and how it is talked to."""

    process: Process
    orders: int = 0
    is_sound: bool = True

    async def answers(self) -> bool:
        """Say whether the process still lives; one that does not is ended."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                self._send({"kind": "hello"})
                await self._answer("ready", _ignore)
        except (HandLost, TimeoutError):
            self.kill()
            return False
        return True

    async def plan(self, order: Order) -> Mapping[str, Any]:
        """Return key and estimate of an order."""
        try:
            async with asyncio.timeout(PLAN_SECONDS):
                self._send({**order, "kind": "plan"})
                return await self._answer("planned", _ignore)
        except TimeoutError:
            self.kill()
            raise HandLost("It took too long to look at the headers of the files.") from None
        except asyncio.CancelledError:
            self.kill()
            raise

    async def compute(self, order: Order, seconds: float, heed: Heed) -> Mapping[str, Any]:
        """Return what an order came to; progress and lines of its log are given to `heed`.

        Stopped when it takes longer than `seconds`. A cancelled computation has ended when this returns.
        """
        self.orders += 1
        self._send({**order, "kind": "compute", "seconds": seconds})
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                return await self._answer("done", heed)
        except TimeoutError:
            await self._stop()
            raise Stopped from None
        except asyncio.CancelledError:
            await self._stop()
            raise

    def kill(self) -> None:
        """End the process at once."""
        self.is_sound = False
        with suppress(ProcessLookupError):
            self.process.kill()

    async def _stop(self) -> None:
        """Let the computation stop by itself within its grace, else end the process."""
        try:
            self._send({"kind": "cancel"})
            async with asyncio.timeout(GRACE_SECONDS):
                await self._answer("done", _ignore)
        except (Stopped, Refused, Crashed):
            return
        except (HandLost, TimeoutError, asyncio.CancelledError):
            self.kill()

    def _send(self, order: Order) -> None:
        if self.process.stdin is None or self.process.returncode is not None:
            self.is_sound = False
            raise HandLost("The process is gone.")
        try:
            self.process.stdin.write(orjson.dumps(order) + b"\n")
        except (OSError, RuntimeError) as error:
            self.is_sound = False
            raise HandLost("The process is gone.") from error

    async def _answer(self, wanted: str, heed: Heed) -> Mapping[str, Any]:
        while True:
            line = await self.process.stdout.readline() if self.process.stdout else b""
            if not line:
                self.is_sound = False
                raise HandLost(f"The process that computed it was ended{_how(await self.process.wait())}.")
            told: Mapping[str, Any] = orjson.loads(line)
            if told["kind"] == wanted:
                return told
            _raise_end(told)
            heed(told)


def _raise_end(told: Mapping[str, Any]) -> None:
    if told["kind"] == "cancelled":
        raise Stopped
    if told["kind"] == "refused":
        raise Refused(told["message"], again=told["again"])
    if told["kind"] == "crashed":
        raise Crashed(told["traceback"])


def _ignore(_told: Mapping[str, Any]) -> None:
    """Heed nothing."""


def _how(code: int) -> str:
    return " by a signal" if code == -15 else " (killed)" if code < 0 else ""


class Workshop:
    """At most `size` processes at work; those at rest are kept for the next order."""

    def __init__(self, size: int, memory_mib: int) -> None:
        """Let each process have `memory_mib` of data."""
        self._places, self._memory = asyncio.Semaphore(size), memory_mib
        self._resting: list[Hand] = []
        _clear_away()
        self._home = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        self._lock = Path(self._home.name, LOCK).open("ab")  # noqa: SIM115 - it is held as long as the workshop is open
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @asynccontextmanager
    async def hand(self) -> AsyncIterator[Hand]:
        """Give a process, waiting for a place; one that is not sound afterwards is replaced."""
        async with self._places:
            hand = await self._rested() or await self._hire()
            try:
                yield hand
            finally:
                if hand.is_sound and hand.process.returncode is None and hand.orders < ORDERS_LIMIT:
                    self._resting.append(hand)
                else:
                    await _dismiss(hand)

    async def close(self) -> None:
        """End all processes at rest; those at work belong to whoever has them."""
        while self._resting:
            await _dismiss(self._resting.pop())
        self._lock.close()
        self._home.cleanup()

    async def _rested(self) -> Hand | None:
        while self._resting:
            hand = self._resting.pop()
            if await hand.answers():
                return hand
            await _dismiss(hand)
        return None

    async def _hire(self) -> Hand:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jobs.data.operation_process",
            str(self._memory),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_LIMIT,
            env=self._environment(),
            cwd=self._home.name,
            start_new_session=True,  # Ctrl-C is for the worker, which ends its processes itself.
        )
        hand = Hand(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await hand._answer("ready", _ignore)
        except BaseException:
            await _dismiss(hand)
            raise
        return hand

    def _environment(self) -> dict[str, str]:
        """Return what a process needs to know, and none of our secrets."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
        home = {
            "HOME": self._home.name,
            "TMPDIR": self._home.name,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        return {**kept, **threads, **home, "PYTHONUNBUFFERED": "1"}

    def folder(self) -> "tempfile.TemporaryDirectory[str]":
        """Return a fresh scratch folder."""
        return tempfile.TemporaryDirectory(prefix="run-", dir=self._home.name, ignore_cleanup_errors=True)


def _clear_away() -> None:
    """Remove what workers that were killed have left; the folder of a living one is locked."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (left / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)


async def _dismiss(hand: Hand) -> None:
    hand.kill()
    await hand.process.wait()
    if hand.process.stdin:
        hand.process.stdin.close()


def within(folder: Path, path: str) -> Path:
    """Return the path of a file that a process made in its folder; a path elsewhere is a refusal."""
    found = Path(path).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        raise Refused("The operation names a file that it did not make in its folder.", again=False)
    return found
