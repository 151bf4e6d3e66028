"""The truth about what the API leans on."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core import database
from resolvers.house import House

SECONDS = 2.0


async def _state(ask: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            await ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the page is to tell
        return f"down: {type(error).__name__}"
    return "up"


def health_of(house: House) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that asks database and Redis, and says 503 when one of them is down."""

    async def health(request: Request) -> Response:  # noqa: ARG001
        names = ("database", "redis")
        states = await asyncio.gather(_state(database.ping), _state(house.redis.ping))
        told = dict(zip(names, states, strict=True))
        return JSONResponse(told, 200 if set(states) == {"up"} else 503, {"Cache-Control": "no-store"})

    return health
