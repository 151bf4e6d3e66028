"""The rights of a caller, read again while its stream or its socket lives on."""

import asyncio

from models.principal import Principal
from models.services import rights


class Rights:
    """Reads rights again; those who ask for the same credential in one moment share one reading."""

    def __init__(self) -> None:
        self._readings: dict[tuple[int | None, int], asyncio.Task[Principal]] = {}

    async def renewed(self, principal: Principal) -> Principal:
        """Return the caller with its rights as they are now; Unauthenticated when its credential has ended."""
        key = (principal.token_id, principal.user_id)
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = asyncio.create_task(self._read(principal))
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(reading)

    async def _read(self, principal: Principal) -> Principal:
        await asyncio.sleep(0)
        # Who asks from here on may know of a change that this reading misses, and begins another.
        del self._readings[principal.token_id, principal.user_id]
        return await rights.reread(principal)
