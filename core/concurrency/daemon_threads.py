"""A thread pool for blocking calls whose threads do not delay the end of the process; used by the Docker client.

A lost engine may block a thread for minutes, and the standard executor would wait for it at exit.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
WorkItem = tuple[Future[Any], Callable[[], Any]]


class DaemonThreadExecutor(Executor):
    """At most `max_threads` daemon threads, started on demand. Further work is queued."""

    def __init__(self, max_threads: int, name: str) -> None:
        """Start no thread yet; `name` prefixes the threads' names."""
        self._max_threads, self._name = max_threads, name
        self._queue: SimpleQueue[WorkItem | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call `fn` in a thread; RuntimeError after `shutdown`."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("The engine was closed.")
            self._queue.put((future, lambda: fn(*args, **kwargs)))
            # Each idle thread has released the semaphore once, so a failed acquire means that all are busy.
            if not self._idle.acquire(blocking=False) and self._started < self._max_threads:
                self._started += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Accept no more work and cancel queued work. Running calls are neither interrupted nor awaited."""
        with self._lock:
            self._closed = True
            while not self._queue.empty():
                item = self._queue.get()
                if item is not None:
                    item[0].cancel()
            for _ in range(self._started):
                self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:  # noqa: BLE001 - the caller gets it from the future
                    future.set_exception(error)
            del item, future, function  # An idle thread must not keep the last result alive.
            self._idle.release()
