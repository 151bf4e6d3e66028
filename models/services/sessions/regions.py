"""Regions are declared by configuration and kept as rows."""

from collections.abc import Mapping

from core.errors import BadInput
from models.sessions.regions import Region

PINGS_LIMIT = 64
SLOWEST_PING = 60_000.0


async def ensure(name: str, capacity: int, ping_url: str = "") -> Region:
    """Make the region, or give it the capacity and the address for pings that are configured now."""
    region, _ = await Region.update_or_create(
        {"capacity": capacity, "ping_url": ping_url, "is_active": True}, name=name
    )
    return region


async def nearest(name: str | None, pings: Mapping[str, float]) -> Region:
    """Return the active region with this name, or without one that with the shortest of the pings, if there are any."""
    await _check(pings)
    return await named(name or min(pings, key=lambda each: pings[each], default=None))


async def _check(pings: Mapping[str, float]) -> None:
    if len(pings) > PINGS_LIMIT:
        raise BadInput(f"At most {PINGS_LIMIT} pings can be given.", path=("pings",))
    if not all(0 <= milliseconds <= SLOWEST_PING for milliseconds in pings.values()):
        raise BadInput(f"A ping takes from 0 to {SLOWEST_PING:.0f} milliseconds.", path=("pings",))
    known = set(await Region.filter(is_active=True).values_list("name", flat=True))
    if not pings.keys() <= known:
        raise BadInput(
            f"Pings are of regions; there are: {', '.join(sorted(map(str, known))) or 'none'}.", path=("pings",)
        )


async def named(name: str | None) -> Region:
    """Return the active region with this name, or the first one without a name."""
    rows = Region.filter(is_active=True).order_by("id")
    region = None
    if name is None or name.isprintable():
        region = await (rows.filter(name=name) if name else rows).first()
    if region is None:
        known = ", ".join(str(other) for other in await rows.values_list("name", flat=True))
        raise BadInput(f"There is no such region; there are: {known or 'none'}.", path=("region",))
    return region
