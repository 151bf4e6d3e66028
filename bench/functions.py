"""Measures functions: cold starts under a share of a processor, and the time from a wake-up to the result when warm.

Run `python -m bench.functions [--rounds 3] [--wakeups 60]`. The archive of the sessions runs under Lambda's own runtime
client, over a real PostgreSQL and a real Redis. A platform limits the processor share of a function by its memory; here
a control group does, where this machine allows one.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.chaos.functions import SECRET, WakeServer
from core.queue import region_queue
from core.queue.functions.transports import open_function_waker
from core.settings import load
from models.services.migration import migrate
from scripts.function_package import ARCHIVES, Target, build
from tests.functions.environment import REGION, FunctionEnvironment, open_function_environment
from tests.services.local_lambda import Sandbox, runtime_folder
from tests.services.postgres import postgres_server
from tests.services.redis import redis_on_a_port

TARGET_MS = 150.0
SHARES = {512: 0.29, 1024: 0.58, 1769: 1.0}
"""Processor share by memory in MiB."""
PERIOD_US = 20_000
GROUPS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))


@contextmanager
def processor_share(share: float) -> Iterator[Callable[[], None] | None]:
    """Create a control group and yield a function that moves a new process into it, or None without permission."""
    home = next((folder for folder in GROUPS if (folder / "cgroup.procs").exists()), GROUPS[-1])
    group = home / f"carrel-bench-{os.getpid()}"
    try:
        _make(group, int(share * PERIOD_US))
    except OSError:
        yield None
        return
    try:
        yield lambda: _join(group)
    finally:
        group.rmdir()


def _make(group: Path, quota: int) -> None:
    group.mkdir()
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        return
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(quota))


def _join(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def cold_start(function_env: FunctionEnvironment, paths: list[Path], share: float) -> float | None:
    """Return the seconds from process start to the first response, or None without a control group."""
    with processor_share(share) as join:
        if join is None:
            return None
        one = Sandbox(
            "jobs.functions.aws_lambda.sessions",
            paths,
            function_env.process_variables(),
            60.0,
            freezes=False,
            preexec=join,
        )
        try:
            first = one.invoke({})
            assert first.outcome == "response", first
            return first.init_seconds + first.seconds
        finally:
            one.close()


async def cold_starts(function_env: FunctionEnvironment, archives: dict[str, Path], runtime: Path, rounds: int) -> None:
    """Print medians by memory, without and with bytecode."""
    print("cold start, init and first call, seconds")
    for memory, share in SHARES.items():
        found: dict[str, list[float]] = {name: [] for name in archives}
        for _ in range(rounds):
            for name, root in archives.items():
                seconds = await asyncio.to_thread(cold_start, function_env, [root, runtime], share)
                if seconds is None:
                    print("  not measured: no control group can be made here")
                    return
                found[name].append(seconds)
        medians = ", ".join(f"{name} {statistics.median(each):.2f}" for name, each in found.items())
        print(f"  {memory} MiB ({share} of a processor): {medians}")


async def wakeups(function_env: FunctionEnvironment, wake_server: WakeServer, paths: list[Path], count: int) -> None:
    """Print the time from the commit that sends a wake-up to the response of the warm function."""
    sandbox = Sandbox("jobs.functions.aws_lambda.sessions", paths, function_env.process_variables(), 30.0)
    answered: asyncio.Queue[float] = asyncio.Queue()
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def serve() -> None:
        while not ended.is_set():
            event = wake_server.events.get()
            if event is None:
                return
            done = sandbox.invoke(event)
            assert done.outcome == "response", done
            loop.call_soon_threadsafe(answered.put_nowait, time.perf_counter())

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        (session,) = await function_env.launch()
        await answered.get()  # The first start is cold.
        for name, act in (("a check", lambda: _check(function_env, session.id)), ("a launch", function_env.launch)):
            await _time(name, act, answered, count)
    finally:
        ended.set()
        wake_server.events.put(None)
        server.join(30)
        sandbox.close()


async def _check(function_env: FunctionEnvironment, session_id: int) -> None:
    queue = region_queue(REGION)
    await function_env.services.queue.enqueue("session_check", session_id, queue=queue)
    await open_function_waker(function_env.settings, function_env.services.redis).wake(queue)


async def _time(name: str, act: Callable[[], Any], answered: "asyncio.Queue[float]", count: int) -> None:
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        await act()
        spent.append((await answered.get() - began) * 1000)
    median, p95 = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
    print(f"wake-up to result, warm, {name}: median {median:.0f} ms, p95 {p95:.0f} ms (target {TARGET_MS:.0f} ms)")


async def measure(folder: Path, archives: dict[str, Path], options: argparse.Namespace) -> None:
    """Measure both in a new environment."""
    wake_server, runtime = WakeServer(), runtime_folder(folder / "runtime")
    with redis_on_a_port() as redis_url:
        changes = {"function_secret": SECRET, "function_urls": {"sessions": wake_server.url}, "log_level": "WARNING"}
        async with open_function_environment(
            folder, options.postgres, redis_url, capacity=10_000, **changes
        ) as function_env:
            await cold_starts(function_env, archives, runtime, options.rounds)
            await wakeups(function_env, wake_server, [archives["bytecode"], runtime], options.wakeups)
    wake_server.close()


def unpacked(folder: Path) -> dict[str, Path]:
    """Build the archive of the sessions, and unpack it with its bytecode and without."""
    machine = "arm64" if os.uname().machine == "aarch64" else "x86_64"
    (built,) = build(Target("{}.{}".format(*sys.version_info[:2]), machine), folder, ARCHIVES[:1])
    print(f"{built.path.name}: {built.zipped / 2**20:.1f} MiB zipped, {built.unzipped / 2**20:.1f} MiB unzipped")
    found = {"no bytecode": folder / "bare", "bytecode": folder / "compiled"}
    for root in found.values():
        zipfile.ZipFile(built.path).extractall(root)
    for cache in list(found["no bytecode"].rglob("__pycache__")):
        shutil.rmtree(cache)
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.functions", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of cold starts (3)")
    parser.add_argument("--wakeups", type=int, default=60, help="of each sort (60)")
    options = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with TemporaryDirectory(prefix="carrel-bench-") as name, postgres_server() as server:
        folder = Path(name)
        options.postgres = asyncio.run(server.create("bench"))
        asyncio.run(_migrated(folder, options.postgres))
        asyncio.run(measure(folder, unpacked(folder), options))
    return 0


async def _migrated(folder: Path, url: str) -> None:
    await migrate(load(data_dir=folder, database_url=url))


if __name__ == "__main__":
    sys.exit(main())
