"""The truth about what the API leans on, and about the engines behind it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.database import connection
from core.engine import heartbeat
from models.sessions.regions import Region
from resolvers.app_state import House

SECONDS = 2.0


async def _state(ask: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            await ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the page is to tell
        return f"down: {type(error).__name__}"
    return heartbeat.UP


async def _engines(house: House) -> Mapping[str, str]:
    """Return how the engine of each region is, by what its worker said last; empty when that cannot be asked."""
    try:
        async with asyncio.timeout(SECONDS):
            regions = await Region.filter(is_active=True).order_by("name").values_list("name", flat=True)
            return await heartbeat.heard(house.redis, [str(name) for name in regions])
    except Exception:  # noqa: BLE001 - the database or Redis is down, which the page tells
        return {}


def health_of(house: House) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that asks database and Redis, and says 503 when one of them is down.

    An engine that is down is told and does not make the API unhealthy: all but new sessions goes on.
    """

    async def health(request: Request) -> Response:  # noqa: ARG001
        asked = (_state(connection.ping), _state(house.redis.ping), _engines(house))
        (database_state, redis_state, engines) = await asyncio.gather(*asked)
        told = {"database": database_state, "redis": redis_state, "engines": engines}
        healthy = database_state == redis_state == heartbeat.UP
        return JSONResponse(told, 200 if healthy else 503, {"Cache-Control": "no-store"})

    return health
