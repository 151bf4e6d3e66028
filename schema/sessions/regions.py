"""Regions as clients see them."""

from collections.abc import Sequence

import strawberry

from models.accounts.roles import Operation, Resource
from models.policies.sessions import regions as policy
from models.sessions import regions as table
from schema.context import Context, Info, shown
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires


@strawberry.type(description="A place where sessions run.")
class Region(Node):
    """Shows a region."""

    model = table.Region
    name: str = public(description="Its name, as `region` arguments take it.")
    capacity: int = public(description="How many sessions it takes at once; more wait in line.")
    is_active: bool = public(description="Whether new sessions can be launched there.")

    @public(
        description="Answers any page at once. Time two requests, drop the first, and give the times of all regions "
        "as `pings` to sessionLaunch, which then takes the nearest."
    )
    def ping_url(self, info: Info) -> str:
        """Return the region's own address, or the proxy's."""
        row: table.Region = shown(self)
        return row.ping_url or info.context.home.settings.ping_url


@readers.register("Region")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Region]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.type(description="Reads of regions.")
class RegionQueries:
    """Root fields."""

    @requires(Resource.REGION, Operation.VIEW, description="All regions, by name; there are few.")
    async def regions(self, info: Info) -> list[Region] | None:
        """Return all regions."""
        return shown(await policy.readable(info.context.caller).order_by("name"))
