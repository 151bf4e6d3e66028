"""Run blocking work in a thread. Cancelling the caller terminates its subprocesses and closes its sockets."""

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")
CANCEL_SECONDS = 10.0
TERMINATE_SECONDS = 5.0


class WorkCancelled(Exception):
    """The work was cancelled; its caller no longer waits for the result."""


class ThreadCancellation:
    """The cancellation of one piece of work: a flag, and callbacks that unblock the thread."""

    def __init__(self) -> None:
        """Start without callbacks."""
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self.cancelled = threading.Event()

    @contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` from another thread on cancellation; WorkCancelled when it was cancelled before.

        It must unblock the work. A blocked `recv` needs a shutdown of the socket: closing alone does not wake it.
        """
        with self._lock:
            # Checked under the lock: otherwise a cancellation between check and append is missed.
            if self.cancelled.is_set():
                raise WorkCancelled
            self._callbacks.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)

    def cancel(self) -> None:
        """Run the callbacks; later calls of `on_cancel` raise WorkCancelled."""
        with self._lock:
            self.cancelled.set()
            for callback in self._callbacks:
                with suppress(OSError):  # The process has exited already.
                    callback()

    @contextmanager
    def run_process(self, command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
        """Run a program with text output; it is terminated on cancellation and on errors."""
        # A session of its own: Ctrl-C in the terminal must not reach the program directly.
        with subprocess.Popen(command, text=True, start_new_session=True, **options) as process:  # noqa: S603 The command comes from our own callers.
            try:
                with self.on_cancel(process.terminate):
                    yield process
            except BaseException:
                _terminate(process)
                raise


def _terminate(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


async def run_in_thread(work: Callable[[ThreadCancellation], T]) -> T:
    """Return the result of `work`; on cancellation, cancel it and wait up to CANCEL_SECONDS for the thread to end."""
    cancellation = ThreadCancellation()
    running = asyncio.ensure_future(asyncio.to_thread(work, cancellation))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancellation.cancel()
        await asyncio.wait({running}, timeout=CANCEL_SECONDS)
        if running.done() and not running.cancelled():
            running.exception()  # Retrieve it, or asyncio logs it as never retrieved.
        raise
