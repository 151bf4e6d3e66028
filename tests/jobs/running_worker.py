"""A resident worker as a process of its own, over a fake engine: `python -m tests.jobs.running_worker`."""

import asyncio

from carrel.services import open_kernel
from core.engine.fake.engine import FakeEngine
from core.settings import load
from jobs.worker import run
from models.services.sessions import regions


async def main() -> None:
    """Work until the process is killed."""
    settings = load()
    async with open_kernel(settings) as kernel:
        await regions.ensure(settings.region, settings.region_capacity)
        await run(kernel.runtime(FakeEngine()), kernel.redis)


if __name__ == "__main__":
    asyncio.run(main())
