"""Measures a trivial data operation, from the mutation to the event with its result, over all real services."""

import argparse
import asyncio
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import psutil

from core.database.connection import clear_statement_cache
from core.settings import load
from tests.jobs.data.job_env import frame
from tests.schema.computing import RUN, create_datasession, operation_events, upload_file, worker
from tests.schema.served import Served, served_api
from tests.services.databases import copy_sqlite, migrated_postgres, migrated_sqlite
from tests.services.missing import MissingService
from tests.services.postgres import postgres_server
from tests.services.redis import redis_server

FOLLOW = "subscription($id: ID!) { operationUpdated(id: $id) { state result { id } } }"
WARM = 3


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Give addresses of a migrated database of each kind that this machine has."""
    found = {"sqlite": copy_sqlite(migrated_sqlite(folder), folder)}
    try:
        with postgres_server() as server:
            name = migrated_postgres(server, folder)
            found["postgres"] = asyncio.run(server.create("bench", name))
            yield found
    except MissingService as missing:
        print(f"not run: PostgreSQL: {missing}")
        yield found


@asynccontextmanager
async def serve(folder: Path, database: str, redis: str) -> AsyncIterator[Served]:
    """Serve the API, with a worker for data operations in the same process, as `carrel up` does."""
    clear_statement_cache()
    settings = load(data_dir=folder, database_url=database, redis_url=redis, requests_per_minute=0)
    async with served_api(settings) as served, worker(served):
        yield served


async def once(client: httpx2.AsyncClient, served: Served, session: str, item: dict[str, str]) -> dict[str, float]:
    """Create a new operation and follow it; return the seconds of the mutation and of the result."""
    began = time.perf_counter()
    body: dict[str, Any] = {"id": session, "name": "Normalization", "inputs": {"input_files": [item]}}
    answer = await client.post(served.url, json={"query": RUN, "variables": body}, headers=served.headers("ada"))
    operation = answer.json()["data"]["operationCreate"]["operation"]["id"]
    answered = time.perf_counter() - began
    headers = {**served.headers("ada"), "accept": "text/event-stream"}
    subscription = {"query": FOLLOW, "variables": {"id": operation}}
    async with client.stream("POST", served.url, json=subscription, headers=headers) as stream:
        async for line in stream.aiter_lines():
            if '"SUCCEEDED"' in line:
                return {"mutation answered": answered, "result received": time.perf_counter() - began}
    raise RuntimeError(f"The operation ended as {(await operation_events(served, 'ada', operation))[-1]}.")


async def measure(folder: Path, database: str, redis: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every round but the first few."""
    figures: dict[str, list[float]] = defaultdict(list)
    async with serve(folder, database, redis) as served:
        session, _ = await create_datasession(served, values=(1,))
        items = [
            await upload_file(served, "ada", frame(number + 2), f"{number}.fits") for number in range(rounds + WARM)
        ]
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            for number, item in enumerate(items):
                before = _processor_seconds()
                found = await once(client, served, session, item)
                found["processor time"] = _processor_seconds() - before
                for name, seconds in found.items():
                    figures[name] += [seconds] if number >= WARM else []
    return figures


def _processor_seconds() -> float:
    """Return what this process has used, client included, and the processes that compute."""
    own = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (own, *own.children(recursive=True)))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.operation_latency", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=30, help="on each database (30)")
    rounds = parser.parse_args().rounds
    with TemporaryDirectory(prefix="carrel-bench-") as folder, redis_server() as redis, databases(Path(folder)) as all_:
        for kind, address in all_.items():
            for name, seconds in asyncio.run(measure(Path(folder), address, redis, rounds)).items():
                middle, late = statistics.median(seconds) * 1000, sorted(seconds)[int(0.95 * len(seconds))] * 1000
                print(f"{kind:10}{name:20}{middle:7.0f} ms, 95 % within {late:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
