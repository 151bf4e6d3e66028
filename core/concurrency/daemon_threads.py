"""Threads for calls that block, which the end of the process does not wait for: a lost engine may hold them long."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Work = tuple[Future[Any], Callable[[], Any]]


class Threads(Executor):
    """At most `most` threads, started when they are needed; work that finds none free waits its turn."""

    def __init__(self, most: int, name: str) -> None:
        """Start none yet; `name` is what they are called."""
        self._most, self._name = most, name
        self._waiting: SimpleQueue[Work | None] = SimpleQueue()
        self._free = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread call `fn`; RuntimeError after the end."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("The engine was closed.")
            self._waiting.put((future, lambda: fn(*args, **kwargs)))
            if not self._free.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Take no more work; what waits is cancelled, what is under way is left alone and never waited for."""
        with self._lock:
            self._closed = True
            while not self._waiting.empty():
                work = self._waiting.get()
                if work is not None:
                    work[0].cancel()
            for _ in range(self._started):
                self._waiting.put(None)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            future, do = work
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(do())
                except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                    future.set_exception(error)
            del work, future, do
            self._free.release()
