"""A function host that replaces workers in chaos runs: sandboxes driven by wake-ups and timers, killed and frozen."""

import asyncio
import json
import queue
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from sysconfig import get_path

from core.queue import region_queue
from core.queue.functions.waker import SIGNATURE_HEADER, is_signed
from core.settings import Settings, variable
from jobs.periodic import Interval, tasks_of
from tests.services.local_lambda import QuietServer, Sandbox

ROOT = Path(__file__).resolve().parents[2]
SECRET = "chaos secret"  # noqa: S105 - of one run
TIMEOUT_SECONDS = 8.0
TICK_SECONDS = 1.0
"""What this host treats as a minute."""
UNREACHABLE_BUCKET = "s3://nothing?endpoint=http://127.0.0.1:9&region=us-east-1"
"""A bucket that is never read: chaos runs have no uploads."""


class WakeServer:
    """Receives signed wake-ups over HTTP and queues them; answers at once, as SQS does."""

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        self.events: queue.Queue[object] = queue.Queue()
        self.count = 0
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, name="wake-server", daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wake_server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                is_valid = is_signed(SECRET, self.headers.get(SIGNATURE_HEADER), body)
                if is_valid:
                    wake_server.count += 1
                    wake_server.events.put(json.loads(body))
                self.send_response(200 if is_valid else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler


class Functions:
    """Replaces `Workers` with function sandboxes; a free sandbox takes the next wake-up."""

    def __init__(self, settings: Settings, count: int, random: Random, wake_server: WakeServer) -> None:
        """Prepare; nothing runs before `start`."""
        self._settings, self._random, self._wake_server = settings, random, wake_server
        self._log = settings.data_dir / "workers.log"
        self._drains = [self._sandbox("sessions") for _ in range(count)]
        self._sweeper = self._sandbox("sweep")
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.killed = self.frozen = self.calls = 0

    def start(self) -> None:
        """Start to handle wake-ups and timers."""
        self._threads = [threading.Thread(target=self._serve, args=(one,), daemon=True) for one in self._drains]
        self._threads.append(threading.Thread(target=self._keep_time, daemon=True))
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        """Kill a random sandbox, possibly the one of the sweep."""
        self._random.choice([*self._drains, self._sweeper]).kill()
        self.killed += 1

    async def freeze(self, seconds: float) -> None:
        """Suspend a random sandbox for some seconds."""
        self.frozen += 1
        await asyncio.to_thread(self._random.choice(self._drains).freeze_for, seconds)

    async def stop(self) -> list[int]:
        """Start no further calls and wait for running ones."""
        self._ended.set()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, TIMEOUT_SECONDS)
        return []

    def end(self) -> None:
        """Close every sandbox."""
        self._ended.set()
        for one in (*self._drains, self._sweeper):
            one.close()
        self._wake_server.close()

    def traceback_count(self) -> int:
        """Return the number of logged tracebacks."""
        return self._log.read_text(errors="replace").count("Traceback") if self._log.exists() else 0

    def _serve(self, one: Sandbox) -> None:
        while not self._ended.is_set():
            with suppress(queue.Empty):
                self._call(one, self._wake_server.events.get(timeout=0.1))

    def _keep_time(self) -> None:
        """Run sweep and tick every TICK_SECONDS, as schedules do."""
        while not self._ended.wait(TICK_SECONDS):
            self._wake_server.events.put({"queue": region_queue(self._settings.region)})
            self._call(self._sweeper, {"tasks": [task.name for task in tasks_of(Interval.MINUTE)]})

    def _call(self, one: Sandbox, event: object) -> None:
        self.calls += 1
        with suppress(RuntimeError):  # The sandbox was killed during its start.
            one.invoke(event)

    def _sandbox(self, handler: str) -> Sandbox:
        settings = self._settings
        environment = {
            variable(name): _text(value)
            for name in Settings.model_fields
            if (value := getattr(settings, name)) not in (None, {}) and name != "secret_key"
        }
        paths = [ROOT, Path(get_path("purelib"))]
        return Sandbox(f"jobs.functions.aws_lambda.{handler}", paths, environment, TIMEOUT_SECONDS, log=self._log)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
