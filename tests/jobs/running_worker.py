"""A worker in a separate process, over a fake engine: `python -m tests.jobs.running_worker`."""

import asyncio

from carrel.services import open_services
from core.engine.fake.engine import FakeEngine
from core.settings import load
from jobs.worker import run
from models.services.sessions import regions


async def main() -> None:
    """Run until the process is killed."""
    settings = load()
    async with open_services(settings) as services:
        await regions.ensure(settings.region, settings.region_capacity)
        await run(services.region_context(FakeEngine()), services.redis)


if __name__ == "__main__":
    asyncio.run(main())
