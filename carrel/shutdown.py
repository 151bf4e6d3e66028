"""How a process ends: asked once in order, asked twice at once, and in no case later than its bound."""

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
log = logging.getLogger("carrel")

BOUND_SECONDS = 90.0
"""Long after everything that ends has ended; whatever still hangs then is shown and left."""
GRACE_SECONDS = 12.0
INSIST_SECONDS = 3.0


def on_signal(bound: float = BOUND_SECONDS) -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set from now on; the process ends within `bound` seconds of the first.

    The watch is the interpreter's own, below Python: it works also when the loop stands still, and says where.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heed() -> None:
        if stop.is_set():
            os._exit(130)  # Asked twice: end at once; the next start takes down what is left.
        faulthandler.dump_traceback_later(bound, exit=True)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, heed)
    return stop


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what the work returns; when the signal comes first, cancel it and return None once it has ended."""
    doing = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        await end([doing])
        with suppress(asyncio.CancelledError):
            return doing.result() if doing.done() else None
        return None
    finally:
        waiting.cancel()


async def until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run until a signal comes, from the first moment on."""
    await unless(on_signal(), work)


async def end(tasks: Collection[asyncio.Future[Any]], grace: float = GRACE_SECONDS) -> None:
    """Cancel the tasks and wait for them, but not for ever.

    A library may swallow a cancellation, so those that go on after their grace are cancelled again, and again; those
    that go on even then are named in the log.
    """
    for patience in (grace, INSIST_SECONDS, INSIST_SECONDS):
        for task in tasks:
            task.cancel()
        late = (await asyncio.wait(tasks, timeout=patience))[1] if tasks else set()
        if not late:
            return
    for task in late:
        name, stack = (task.get_name(), task.get_stack(limit=4)) if isinstance(task, asyncio.Task) else (task, [])
        log.error("the %s did not end when it was told to: %s", name, stack)
