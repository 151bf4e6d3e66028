"""The demo of data sessions: created through the API once, and reused by later runs."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from carrel import demo_data
from carrel.client import Client
from core.database.connection import clear_statement_cache
from core.settings import Settings
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.datasessions import Datasession
from models.data.uploads import Upload
from schema import example_queries
from tests.schema.computing import worker
from tests.schema.served import Served, served_api


@pytest.fixture
async def served(settings: Settings, database_url: str, redis_address: str, redis: Redis) -> AsyncIterator[Served]:
    clear_statement_cache()
    async with served_api(settings) as served:
        yield served


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_demo_datasessions_are_created_once_and_script_reproduces(served: Served, tmp_path: Path) -> None:
    lines: list[str] = []
    client = Client(served.url, served.tokens["olive"])
    async with worker(served):
        first = await asyncio.to_thread(demo_data.run, client, lines.append)
        files = await Upload.all().count()
        second = await asyncio.to_thread(demo_data.run, client, lines.append)

        script = await served.ask("olive", example_queries.SCRIPT, session=first.worked)

    assert first == second
    assert await Upload.all().count() == files == len(demo_data.SHIPPED) + demo_data.SERIES
    assert {row.name: len(row.input_data) for row in await Datasession.all()} == {
        demo_data.EMPTY: 3,
        demo_data.WORKED: files,
    }
    operations = await DataOperation.all().select_related("result")
    assert {operation.state for operation in operations} == {DataOperationState.SUCCEEDED}
    assert len({operation.name for operation in operations}) == 6
    pictures = [operation.name for operation in operations if any(f["kind"] == "small" for f in operation.result.files)]
    assert {"Median", "Stacking", "Color Image"} <= set(pictures)
    await _assert_script_reproduces(script["data"]["datasessionScript"], tmp_path)


async def _assert_script_reproduces(script: str, folder: Path) -> None:
    """Run the exported script beside the frames; every step must write its files."""
    demo_data._copy_shipped(folder)
    demo_data._write_series(folder)
    (folder / "again.py").write_text(script)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "again.py", cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()[-2000:]
    assert _steps(folder) == {f"{number:02d}" for number in range(1, 7)}


def _steps(folder: Path) -> set[str]:
    return {path.name[:2] for path in folder.iterdir() if path.name[:2].isdigit()}
