"""The health endpoint: the state of the database, Redis and the container engines."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.database import connection
from core.engine import heartbeat
from models.sessions.regions import Region
from resolvers.app_state import AppState

CHECK_TIMEOUT_SECONDS = 2.0


async def _check(probe: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await probe()
    except Exception as error:  # noqa: BLE001 - any error means "down"; the response names it
        return f"down: {type(error).__name__}"
    return heartbeat.UP


async def _engine_states(app_state: AppState) -> Mapping[str, str]:
    """Return the last reported engine state of each active region, or nothing if the database or Redis is down."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            regions = await Region.filter(is_active=True).order_by("name").values_list("name", flat=True)
            return await heartbeat.read_heartbeats(app_state.redis, [str(name) for name in regions])
    except Exception:  # noqa: BLE001 - the response reports the database and Redis separately
        return {}


def health_endpoint(app_state: AppState) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that checks the database and Redis, with status 503 if one of them is down.

    An engine that is down is reported but does not make the API unhealthy: only new sessions need it.
    """

    async def health(request: Request) -> Response:  # noqa: ARG001
        checks = (_check(connection.ping), _check(app_state.redis.ping), _engine_states(app_state))
        (database_state, redis_state, engines) = await asyncio.gather(*checks)
        body = {"database": database_state, "redis": redis_state, "engines": engines}
        healthy = database_state == redis_state == heartbeat.UP
        return JSONResponse(body, 200 if healthy else 503, {"Cache-Control": "no-store"})

    return health
