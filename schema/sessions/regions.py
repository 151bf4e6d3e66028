"""GraphQL types and root fields of regions."""

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.sessions import regions as table
from resolvers.sessions import regions as resolve
from schema.context import Info, as_graphql
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires


@strawberry.type(description="A place where sessions run.")
class Region(Node):
    """The GraphQL type of a region."""

    model = table.Region
    name: str = public(description="The name, as used in `region` arguments.")
    capacity: int = public(description="The maximum number of concurrent sessions. Further sessions wait in the queue.")
    is_active: bool = public(description="Whether new sessions can be launched in the region.")

    @public(
        description="A URL that responds immediately. Measure two requests and ignore the first. Pass the times of all "
        "regions as `pings` to sessionLaunch, which then selects the nearest."
    )
    def ping_url(self, info: Info) -> str:
        """Return the ping URL of the region, or that of the proxy."""
        row: table.Region = as_graphql(self)
        return row.ping_url or info.context.app_state.settings.ping_url


readers.register_rows("Region", resolve.reader)


@strawberry.type(description="Queries for regions.")
class RegionQueries:
    """Root fields."""

    @requires(Resource.REGION, PermissionVerb.VIEW, description="All regions, by name.")
    async def regions(self, info: Info) -> list[Region] | None:
        """Return all regions."""
        return as_graphql(await resolve.list_by_name(info.context.caller))
