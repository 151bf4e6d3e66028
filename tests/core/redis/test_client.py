"""A command to Redis can be cancelled at any moment."""

import asyncio

from redis.asyncio import Redis

ROUNDS = 200


async def test_cancellation_during_send_is_not_lost(redis: Redis) -> None:
    async def work() -> None:
        while True:
            await redis.ping()
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                return

    ended = []
    for number in range(ROUNDS):
        worker = asyncio.create_task(work())
        for _ in range(number % 20):
            await asyncio.sleep(0)
        worker.cancel()
        await asyncio.wait([worker])
        ended.append(worker.cancelled())

    assert all(ended)
    assert await redis.ping()
