"""Process shutdown: the first signal stops in order, the second at once, and a watchdog bounds the time.

Every long-running command uses it; signal handlers are installed on the running event loop.
"""

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

MAX_SHUTDOWN_SECONDS = 90.0
"""Bound of a shutdown; a process that still hangs then prints its stack and exits."""
GRACE_SECONDS = 12.0
RECANCEL_SECONDS = 3.0


def on_signal(max_seconds: float = MAX_SHUTDOWN_SECONDS) -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; the process exits within `max_seconds` of the first signal.

    The watchdog is faulthandler, which works even when the event loop is blocked, and prints where.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle_signal() -> None:
        if stop.is_set():
            os._exit(130)  # The second signal exits at once; the next start cleans up.
        faulthandler.dump_traceback_later(max_seconds, exit=True)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, handle_signal)
    return stop


async def run_until(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of `work`; when `stop` is set first, cancel the work, wait for it and return None."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        await end([task])
        with suppress(asyncio.CancelledError):
            return task.result() if task.done() else None
        return None
    finally:
        stopping.cancel()


async def until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or a signal comes."""
    await run_until(on_signal(), work)


async def end(tasks: Collection[asyncio.Future[Any]], grace: float = GRACE_SECONDS) -> None:
    """Cancel the tasks and wait for them, at most `grace` and twice RECANCEL_SECONDS; log those that do not end.

    Tasks are cancelled repeatedly because a library may swallow a cancellation.
    """
    for seconds in (grace, RECANCEL_SECONDS, RECANCEL_SECONDS):
        for task in tasks:
            task.cancel()
        late = (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()
        if not late:
            return
    for task in late:
        name, stack = (task.get_name(), task.get_stack(limit=4)) if isinstance(task, asyncio.Task) else (task, [])
        log.error("the %s did not end after it was cancelled: %s", name, stack)
