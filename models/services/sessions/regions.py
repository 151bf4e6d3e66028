"""Regions: stored from the workers' configuration, and chosen by name or by ping times."""

from collections.abc import Mapping

from core.errors import BadInput
from models.sessions.regions import Region

MAX_PINGS = 64
MAX_PING_MILLISECONDS = 60_000.0


async def ensure(name: str, capacity: int, ping_url: str = "") -> Region:
    """Create the region, or update its capacity and ping URL to the configured values."""
    region, _ = await Region.update_or_create(
        {"capacity": capacity, "ping_url": ping_url, "is_active": True}, name=name
    )
    return region


async def nearest(name: str | None, pings: Mapping[str, float]) -> Region:
    """Return the active region with this name; without a name, the one with the shortest ping or the first one."""
    await _check(pings)
    return await get_by_name(name or min(pings, key=lambda each: pings[each], default=None))


async def _check(pings: Mapping[str, float]) -> None:
    if len(pings) > MAX_PINGS:
        raise BadInput(f"Give at most {MAX_PINGS} ping times.", path=("pings",))
    if not all(0 <= milliseconds <= MAX_PING_MILLISECONDS for milliseconds in pings.values()):
        raise BadInput(f"A ping time is 0 to {MAX_PING_MILLISECONDS:.0f} milliseconds.", path=("pings",))
    names = set(await Region.filter(is_active=True).values_list("name", flat=True))
    if not pings.keys() <= names:
        raise BadInput(
            f"Name each ping time by a region. The regions are: {', '.join(sorted(map(str, names))) or 'none'}.",
            path=("pings",),
        )


async def get_by_name(name: str | None) -> Region:
    """Return the active region with this name; without a name, the first one."""
    rows = Region.filter(is_active=True).order_by("id")
    region = None
    if name is None or name.isprintable():
        region = await (rows.filter(name=name) if name else rows).first()
    if region is None:
        names = ", ".join(str(other) for other in await rows.values_list("name", flat=True))
        raise BadInput(f"This region does not exist. The regions are: {names or 'none'}.", path=("region",))
    return region
