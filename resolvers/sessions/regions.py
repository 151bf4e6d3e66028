"""Resolvers of regions."""

from models.permissions.principal import Principal
from models.policies.sessions import regions as policy
from models.sessions.regions import Region
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


async def list_by_name(principal: Principal) -> list[Region]:
    """Return all regions that the principal can see, by name."""
    return await policy.readable(principal).order_by("name")
