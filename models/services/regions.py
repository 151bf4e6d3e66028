"""Regions are declared by configuration and kept as rows."""

from core.errors import BadInput
from models.regions import Region


async def ensure(name: str, capacity: int) -> Region:
    """Make the region, or give it the capacity that is configured now."""
    region, _ = await Region.update_or_create({"capacity": capacity, "is_active": True}, name=name)
    return region


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
