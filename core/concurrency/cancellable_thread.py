"""Work on a thread that can be given up: whoever no longer waits for it ends the programs and sockets it waits for."""

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")
GIVE_UP_SECONDS = 10.0
TERMINATE_SECONDS = 5.0


class GivenUp(Exception):
    """Nobody waits for this work any more."""


class Patience:
    """What a piece of work on a thread waits for at the moment."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self.over = threading.Event()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Let `end` be called, from another thread, when the work is given up; GivenUp when it was already."""
        with self._lock:
            if self.over.is_set():
                raise GivenUp
            self._ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)

    def give_up(self) -> None:
        """End what the work waits for, and let it wait for nothing more."""
        with self._lock:
            self.over.set()
            for end in self._ends:
                with suppress(OSError):  # It has ended meanwhile.
                    end()

    @contextmanager
    def program(self, words: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
        """Run a program whose output is read as text; it is ended when the work is given up or fails."""
        with subprocess.Popen(words, text=True, start_new_session=True, **options) as process:  # noqa: S603 Our callers' own words.
            try:
                with self.ending(process.terminate):
                    yield process
            except BaseException:
                _end(process)
                raise


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


async def on_a_thread(work: Callable[[Patience], T]) -> T:
    """Return what the work returns; when the caller is cancelled, give it up and wait for it a moment."""
    patience = Patience()
    working = asyncio.ensure_future(asyncio.to_thread(work, patience))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        patience.give_up()
        await asyncio.wait({working}, timeout=GIVE_UP_SECONDS)
        if working.done() and not working.cancelled():
            working.exception()
        raise
