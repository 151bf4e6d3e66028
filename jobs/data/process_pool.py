"""A pool of warm processes that compute data operations, used by the worker of the data queue.

A process that is killed or hangs fails only the operation that it computes.
"""

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
PING_SECONDS = 5.0
GRACE_SECONDS = 1.0
"""Time for a computation to stop after `cancel`; then its process is killed."""
LINE_LIMIT = 4 << 20
MAX_COMMANDS = 200
"""A process is replaced after this many commands, because numerical libraries leak memory."""
PREFIX, LOCK = "carrel-compute-", "lock"
INHERITED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
Command = Mapping[str, Any]
ProgressCallback = Callable[[Mapping[str, Any]], None]


class ProcessDied(Exception):
    """The process ended while it computed: it was killed, or a native library crashed."""


class OperationRefused(Exception):
    """The operation cannot give a result; `message` is one sentence, `retryable` says whether a retry may succeed."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        """Refuse with `message`."""
        super().__init__(message)
        self.message, self.retryable = message, retryable


class OperationCrashed(Exception):
    """The operation has a bug; the message is its traceback."""


class OperationStopped(Exception):
    """The computation stopped because its time limit passed."""


@dataclass
class ComputeProcess:
    """A running `jobs.data.operation_process` and the protocol over its pipes."""

    process: Process
    command_count: int = 0
    is_healthy: bool = True

    async def is_alive(self) -> bool:
        """Return whether the process replies to a ping; kill it when it does not."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                self._send({"kind": "hello"})
                await self._read_reply("ready", _ignore)
        except (ProcessDied, TimeoutError):
            self.kill()
            return False
        return True

    async def plan(self, command: Command) -> Mapping[str, Any]:
        """Return the key and the estimate of an operation."""
        try:
            async with asyncio.timeout(PLAN_SECONDS):
                self._send({**command, "kind": "plan"})
                return await self._read_reply("planned", _ignore)
        except TimeoutError:
            self.kill()
            raise ProcessDied("Reading the headers of the files took too long.") from None
        except asyncio.CancelledError:
            self.kill()
            raise

    async def compute(self, command: Command, seconds: float, on_message: ProgressCallback) -> Mapping[str, Any]:
        """Return the outcome of an operation; pass progress and log lines to `on_message`.

        Raise OperationStopped when it takes longer than `seconds`. When the caller is cancelled, the computation has
        ended before this returns.
        """
        self.command_count += 1
        self._send({**command, "kind": "compute", "seconds": seconds})
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                return await self._read_reply("done", on_message)
        except TimeoutError:
            await self._stop()
            raise OperationStopped from None
        except asyncio.CancelledError:
            await self._stop()
            raise

    def kill(self) -> None:
        """Kill the process."""
        self.is_healthy = False
        with suppress(ProcessLookupError):
            self.process.kill()

    async def _stop(self) -> None:
        """Ask the computation to stop; kill the process after GRACE_SECONDS."""
        try:
            self._send({"kind": "cancel"})
            async with asyncio.timeout(GRACE_SECONDS):
                await self._read_reply("done", _ignore)
        except (OperationStopped, OperationRefused, OperationCrashed):
            return
        except (ProcessDied, TimeoutError, asyncio.CancelledError):
            self.kill()

    def _send(self, command: Command) -> None:
        if self.process.stdin is None or self.process.returncode is not None:
            self.is_healthy = False
            raise ProcessDied("The process is gone.")
        try:
            self.process.stdin.write(orjson.dumps(command) + b"\n")
        except (OSError, RuntimeError) as error:
            self.is_healthy = False
            raise ProcessDied("The process is gone.") from error

    async def _read_reply(self, kind: str, on_message: ProgressCallback) -> Mapping[str, Any]:
        while True:
            line = await self.process.stdout.readline() if self.process.stdout else b""
            if not line:
                self.is_healthy = False
                ended = _exit_description(await self.process.wait())
                raise ProcessDied(f"The process that computed it was ended{ended}.")
            message: Mapping[str, Any] = orjson.loads(line)
            if message["kind"] == kind:
                return message
            _raise_failure(message)
            on_message(message)


def _raise_failure(message: Mapping[str, Any]) -> None:
    if message["kind"] == "cancelled":
        raise OperationStopped
    if message["kind"] == "refused":
        raise OperationRefused(message["message"], retryable=message["retryable"])
    if message["kind"] == "crashed":
        raise OperationCrashed(message["traceback"])


def _ignore(_message: Mapping[str, Any]) -> None:
    """Drop the message."""


def _exit_description(code: int) -> str:
    return " by a signal" if code == -15 else " (killed)" if code < 0 else ""


class ProcessPool:
    """Runs at most `size` processes at a time and keeps idle ones for the next operation."""

    def __init__(self, size: int, memory_mib: int) -> None:
        """Limit the data segment of each process to `memory_mib`."""
        self._slots, self._memory_mib = asyncio.Semaphore(size), memory_mib
        self._idle: list[ComputeProcess] = []
        _remove_leftover_folders()
        self._scratch = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        self._lock = Path(self._scratch.name, LOCK).open("ab")  # noqa: SIM115 - open until close()
        # The lock marks the folder as used by a living worker; see _remove_leftover_folders.
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[ComputeProcess]:
        """Wait for a free slot and yield a process; terminate it afterwards unless it can be reused."""
        async with self._slots:
            process = await self._take_idle() or await self._spawn()
            try:
                yield process
            finally:
                if process.is_healthy and process.process.returncode is None and process.command_count < MAX_COMMANDS:
                    self._idle.append(process)
                else:
                    await _terminate(process)

    async def close(self) -> None:
        """End all idle processes; a busy one is ended by the task that acquired it."""
        while self._idle:
            await _terminate(self._idle.pop())
        self._lock.close()
        self._scratch.cleanup()

    async def _take_idle(self) -> ComputeProcess | None:
        while self._idle:
            process = self._idle.pop()
            if await process.is_alive():
                return process
            await _terminate(process)
        return None

    async def _spawn(self) -> ComputeProcess:
        subprocess = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jobs.data.operation_process",
            str(self._memory_mib),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_LIMIT,
            env=self._environment(),
            cwd=self._scratch.name,
            start_new_session=True,  # Ctrl-C is for the worker, which ends its processes itself.
        )
        process = ComputeProcess(subprocess)
        try:
            async with asyncio.timeout(START_SECONDS):
                await process._read_reply("ready", _ignore)
        except BaseException:
            await _terminate(process)
            raise
        return process

    def _environment(self) -> dict[str, str]:
        """Return the variables of a process: no settings and no secrets of the worker."""
        inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
        home = {
            "HOME": self._scratch.name,
            "TMPDIR": self._scratch.name,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        return {**inherited, **threads, **home, "PYTHONUNBUFFERED": "1"}

    def scratch_folder(self) -> "tempfile.TemporaryDirectory[str]":
        """Return a fresh scratch folder."""
        return tempfile.TemporaryDirectory(prefix="run-", dir=self._scratch.name, ignore_cleanup_errors=True)


def _remove_leftover_folders() -> None:
    """Remove the folders of killed workers; the folder of a living worker is locked."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


async def _terminate(process: ComputeProcess) -> None:
    process.kill()
    await process.process.wait()
    if process.process.stdin:
        process.process.stdin.close()


def resolve_output(folder: Path, path: str) -> Path:
    """Return the absolute path of an output; OperationRefused when it is not a file inside `folder`."""
    found = Path(path).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        raise OperationRefused("The operation returned a file outside its scratch folder.", retryable=False)
    return found
