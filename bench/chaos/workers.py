"""Worker processes that are killed, frozen and replaced."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from core.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from carrel.cli import main; main()", "worker"]
END_SECONDS = 20.0


class Workers:
    """Several `carrel worker` processes; `end` kills all of them."""

    def __init__(self, settings: Settings, count: int, random: Random) -> None:
        """Prepare; nothing runs before `start`."""
        self._log = settings.data_dir / "workers.log"
        self._environment = os.environ | {
            variable(name): str(value)
            for name in Settings.model_fields
            if (value := getattr(settings, name)) is not None and name != "secret_key"
        }
        self._count, self._random = count, random
        self._running: list[subprocess.Popen[bytes]] = []
        self.killed = 0
        self.frozen = 0

    def start(self) -> None:
        """Start all workers."""
        self._running = [self._one() for _ in range(self._count)]

    def kill(self) -> None:
        """Kill a random worker, as a power cut does, and start another."""
        victim = self._random.randrange(self._count)
        self._running[victim].kill()
        self._running[victim].wait()
        self._running[victim] = self._one()
        self.killed += 1

    async def freeze(self, seconds: float) -> None:
        """Suspend a random worker for some seconds."""
        process = self._running[self._random.randrange(self._count)]
        process.send_signal(signal.SIGSTOP)
        self.frozen += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    async def stop(self) -> list[int]:
        """Terminate all workers, as a service manager does; return their exit codes."""
        for process in self._running:
            process.terminate()
        return [await asyncio.to_thread(process.wait, END_SECONDS) for process in self._running]

    def end(self) -> None:
        """Kill the remaining workers."""
        for process in self._running:
            process.kill()
            process.wait()

    def traceback_count(self) -> int:
        """Return the number of logged tracebacks."""
        return self._log.read_text(errors="replace").count("Traceback") if self._log.exists() else 0

    def _one(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(COMMAND, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
