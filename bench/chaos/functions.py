"""A function host in place of workers: sandboxes woken by bells and timers, killed and frozen at their work."""

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
from core.queue.functions.waker import HEADER, is_signed
from core.settings import Settings, variable
from jobs.periodic import Cadence, chores_of
from tests.services.local_lambda import QuietServer, Sandbox

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the storm's bell"  # noqa: S105 - of one storm
LIMIT_SECONDS = 8.0
TICK_SECONDS = 1.0
"""A minute of this host."""
NOTHING = "s3://nothing?endpoint=http://127.0.0.1:9&region=us-east-1"
"""A bucket that nobody asks: uploads are no part of the storm."""


class Belfry:
    """Where bells are rung: it takes a signed one and answers at once, as a queue does."""

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        self.rung: queue.Queue[object] = queue.Queue()
        self.count = 0
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, name="belfry", daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        belfry = self

        class Ringing(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                good = is_signed(SECRET, self.headers.get(HEADER), body)
                if good:
                    belfry.count += 1
                    belfry.rung.put(json.loads(body))
                self.send_response(200 if good else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Ringing


class Functions:
    """What `Workers` is, made of functions; each sandbox takes the next bell as soon as it is free."""

    def __init__(self, settings: Settings, count: int, random: Random, belfry: Belfry) -> None:
        """Prepare; nothing runs before `start`."""
        self._settings, self._random, self._belfry = settings, random, belfry
        self._log = settings.data_dir / "workers.log"
        self._drains = [self._sandbox("sessions") for _ in range(count)]
        self._sweeper = self._sandbox("sweep")
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.killed = self.frozen = self.calls = 0

    def start(self) -> None:
        """Begin to answer bells and timers."""
        self._threads = [threading.Thread(target=self._serve, args=(one,), daemon=True) for one in self._drains]
        self._threads.append(threading.Thread(target=self._keep_time, daemon=True))
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        """Kill any sandbox, the sweep's included, wherever it stands."""
        self._random.choice([*self._drains, self._sweeper]).kill()
        self.killed += 1

    async def freeze(self, seconds: float) -> None:
        """Hold any sandbox for a while, and let it go on as if nothing had happened."""
        self.frozen += 1
        await asyncio.to_thread(self._random.choice(self._drains).hold, seconds)

    async def stop(self) -> list[int]:
        """Call nobody any more, and let calls end."""
        self._ended.set()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, LIMIT_SECONDS)
        return []

    def end(self) -> None:
        """Close every sandbox."""
        self._ended.set()
        for one in (*self._drains, self._sweeper):
            one.close()
        self._belfry.close()

    def complaints(self) -> int:
        """Return how many tracebacks they have logged."""
        return self._log.read_text(errors="replace").count("Traceback") if self._log.exists() else 0

    def _serve(self, one: Sandbox) -> None:
        while not self._ended.is_set():
            with suppress(queue.Empty):
                self._call(one, self._belfry.rung.get(timeout=0.1))

    def _keep_time(self) -> None:
        """Sweep and tick at each of this host's minutes, as its schedules would."""
        while not self._ended.wait(TICK_SECONDS):
            self._belfry.rung.put({"queue": region_queue(self._settings.region)})
            self._call(self._sweeper, {"chores": [chore.name for chore in chores_of(Cadence.MINUTE)]})

    def _call(self, one: Sandbox, event: object) -> None:
        self.calls += 1
        with suppress(RuntimeError):  # It was killed while it started.
            one.invoke(event)

    def _sandbox(self, handler: str) -> Sandbox:
        settings = self._settings
        environment = {
            variable(name): _text(value)
            for name in Settings.model_fields
            if (value := getattr(settings, name)) not in (None, {}) and name != "secret_key"
        }
        paths = [ROOT, Path(get_path("purelib"))]
        return Sandbox(f"jobs.functions.aws_lambda.{handler}", paths, environment, LIMIT_SECONDS, log=self._log)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
