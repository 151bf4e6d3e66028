"""A local function host: Lambda's real runtime client against a test implementation of the Runtime API.

One sandbox is one process, as on the platform. It starts at the first call, is frozen between calls, continues warm,
and is killed at its limit.
"""

import importlib.util
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

RUNTIME_PARTS = (
    *("awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client"),
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six"),
)
"""The packages that the platform provides."""
BOOT = (
    "import sys; sys.path[:0] = sys.argv[2:]; sys.argv[2:] = [];"
    " from awslambdaric.__main__ import main; main(['bootstrap', sys.argv[1]])"
)
BOOT_SECONDS = 30.0


class QuietServer(ThreadingHTTPServer):
    """An HTTP server that ignores lost connections of killed clients."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report errors other than a lost connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@dataclass(frozen=True)
class Invocation:
    """The end of a call: a `response`, an `error` of the handler, a `timeout`, or `crashed`."""

    outcome: str
    payload: Any
    is_cold: bool
    init_seconds: float
    seconds: float


@dataclass
class Sandbox:
    """One sandbox of a function; `handler` is imported from `paths` and the standard library only."""

    handler: str
    paths: Sequence[Path]
    environment: Mapping[str, str]
    timeout: float = 20.0
    freezes: bool = True
    preexec: Callable[[], None] | None = None
    log: Path | None = None
    _pending_calls: "queue.Queue[tuple[str, bytes, float]]" = field(default_factory=queue.Queue)
    _results: "dict[str, queue.Queue[tuple[str, bytes]]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.init_error = b""
        self._generation, self._ready, self._is_frozen = 0, threading.Event(), False
        self._call_lock = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), self._api())
        threading.Thread(target=self._server.serve_forever, name="runtime-api", daemon=True).start()

    def invoke(self, event: object, *, killed_after: float | None = None) -> Invocation:
        """Call the function and wait for its end; it is killed after `killed_after` seconds or at its limit."""
        with self._call_lock:
            is_cold = self.process is None or self.process.poll() is not None
            init = self._start() if is_cold else 0.0
            self._thaw()
            key, box, began = uuid4().hex, queue.Queue[tuple[str, bytes]](), time.monotonic()
            self._results[key] = box
            self._pending_calls.put((key, json.dumps(event).encode(), time.time() + self.timeout))
            outcome, payload = self._await(box, min(self.timeout, killed_after or self.timeout))
            seconds = time.monotonic() - began
            if outcome in {"response", "error"} and self.freezes:
                self._freeze()
            return Invocation(outcome, json.loads(payload), is_cold, init, seconds)

    def close(self) -> None:
        """Stop the sandbox."""
        self._generation += 1
        self._kill()
        self._server.shutdown()
        self._server.server_close()

    def freeze_for(self, seconds: float) -> None:
        """Freeze the running sandbox and resume it."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the sandbox like a lost machine; a running call ends as crashed."""
        if self.process and self.process.poll() is None:
            self.process.kill()

    def _await(self, box: "queue.Queue[tuple[str, bytes]]", limit: float) -> tuple[str, bytes]:
        end = time.monotonic() + limit
        assert self.process is not None
        while True:
            try:
                return box.get(timeout=0.02)
            except queue.Empty:
                if self.process.poll() is not None:
                    return "crashed", b"null"
                if time.monotonic() > end:
                    self._kill()
                    return "timeout", b"null"

    def _start(self) -> float:
        self._generation += 1
        self._ready.clear()
        self.init_error, self._is_frozen, began = b"", False, time.monotonic()
        command = [sys.executable, "-B", "-I", "-S", "-c", BOOT, self.handler, *map(str, self.paths)]
        output = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(
                command,
                env=self._environment(),
                preexec_fn=self.preexec,
                stdout=output,
                stderr=output,
                cwd=self.paths[0],
            )
        finally:
            if output:
                output.close()
        while not self._ready.wait(0.01):
            if self.process.poll() is not None:
                raise RuntimeError(f"The function did not start: {self.init_error.decode()}")
            if time.monotonic() - began > BOOT_SECONDS:
                self._kill()
                raise RuntimeError(f"The function did not start within {BOOT_SECONDS:g} s.")
        return time.monotonic() - began

    def _environment(self) -> dict[str, str]:
        variables = {"FUNCTION_NAME": "sessions", "FUNCTION_MEMORY_SIZE": "1024", "FUNCTION_VERSION": "1"}
        variables |= {"LOG_GROUP_NAME": "group", "LOG_STREAM_NAME": "stream"}
        lambda_ = {f"AWS_LAMBDA_{name}": value for name, value in variables.items()}
        address = f"127.0.0.1:{self._server.server_port}"
        return {
            **self.environment,
            **lambda_,
            "AWS_LAMBDA_RUNTIME_API": address,
            "LAMBDA_TASK_ROOT": str(self.paths[0]),
            "_HANDLER": self.handler,
        }

    def _freeze(self) -> None:
        """Freeze the process when it requests the next call."""
        if self.process and self._ready.wait(5) and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            self._is_frozen = True

    def _thaw(self) -> None:
        if self._is_frozen and self.process:
            self.process.send_signal(signal.SIGCONT)
        self._is_frozen = False

    def _kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _api(self) -> type[BaseHTTPRequestHandler]:
        sandbox = self

        class RuntimeApi(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # Otherwise head and body of a response delay each other by 40 ms.

            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_GET(self) -> None:
                generation = sandbox._generation
                sandbox._ready.set()
                while generation == sandbox._generation:
                    try:
                        key, payload, deadline = sandbox._pending_calls.get(timeout=0.1)
                    except queue.Empty:
                        continue
                    sandbox._ready.clear()
                    self._send(200, payload, key, deadline)
                    return
                self.close_connection = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                *_, key, sort = self.path.strip("/").split("/")
                self._send(202, b"{}")
                if key == "init":
                    sandbox.init_error = body
                elif key in sandbox._results:
                    sandbox._results.pop(key).put((sort, body))

            def _send(self, status: int, body: bytes, key: str = "", deadline: float = 0) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "application/json")
                if key:
                    self.send_header("Lambda-Runtime-Aws-Request-Id", key)
                    self.send_header("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000)))
                    self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:here:1:function:sessions")
                    self.send_header("Lambda-Runtime-Trace-Id", "Root=1-0-0")
                self.end_headers()
                self.wfile.write(body)

        return RuntimeApi


def runtime_folder(folder: Path) -> Path:
    """Create a folder with the platform's packages only."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME_PARTS:
        found = importlib.util.find_spec(name)
        assert found is not None, f"{name} is not installed."
        assert found.origin is not None, f"{name} is not installed."
        source = Path(found.origin)
        source = source.parent if source.name == "__init__.py" else source
        link = folder / source.name
        if not link.exists():
            link.symlink_to(source)
    return folder
