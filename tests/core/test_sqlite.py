"""SQLite under several processes: a read and the write that rests on it lose nothing."""

import asyncio
import sys
from pathlib import Path

from core.database import connect, disconnect, transaction
from core.settings import load
from models.regions import Region
from tests.services.databases import copy_sqlite, forget_statements

PROCESSES, TIMES = 3, 20
COUNT = """
import asyncio, sys
from pathlib import Path
from core.database import connect, disconnect, transaction
from core.settings import load
from models.regions import Region

async def main():
    await connect(load(data_dir=Path(sys.argv[1]), database_url=sys.argv[2]))
    for _ in range(int(sys.argv[3])):
        async with transaction():
            region = await Region.get(name="local")
            await Region.filter(name="local").update(capacity=region.capacity + 1)
    await disconnect()

asyncio.run(main())
"""


async def test_processes_that_read_and_then_write_lose_nothing(data_dir: Path, sqlite_template: Path) -> None:
    url = copy_sqlite(sqlite_template, data_dir)
    forget_statements()
    await connect(load(data_dir=data_dir, database_url=url))
    await Region.create(name="local", capacity=0)

    arguments = [sys.executable, "-c", COUNT, str(data_dir), url, str(TIMES)]
    counting = [await asyncio.create_subprocess_exec(*arguments) for _ in range(PROCESSES)]
    for _ in range(TIMES):
        async with transaction():
            region = await Region.get(name="local")
            await Region.filter(name="local").update(capacity=region.capacity + 1)

    assert [await process.wait() for process in counting] == [0] * PROCESSES
    assert (await Region.get(name="local")).capacity == (PROCESSES + 1) * TIMES
    await disconnect()


async def test_the_file_is_written_ahead_so_that_readers_do_not_wait(data_dir: Path, sqlite_template: Path) -> None:
    forget_statements()
    settings = load(data_dir=data_dir, database_url=copy_sqlite(sqlite_template, data_dir))
    await connect(settings)
    try:
        async with transaction():
            await Region.create(name="local", capacity=1)
            assert (data_dir / "carrel.sqlite3-wal").exists()
    finally:
        await disconnect()
