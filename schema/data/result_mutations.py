"""The mutation that creates links to the files of a result."""

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from resolvers.data import results as resolve
from schema.context import Info
from schema.execution.query_cost import Cost
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires

MINUTES = resolve.LINK_LIFETIME // timedelta(minutes=1)


@strawberry.type(description="A temporary link to one file, issued to the caller.")
class ResultLink:
    """The GraphQL type of a link."""

    name: str = public(description="The file name.")
    url: str = public(description="The URL that reads the file without a token. It is a secret.")
    expires_at: datetime = public(description="The expiry time.")


@strawberry.type(description="The payload of resultOpen.")
class ResultOpenPayload(Payload):
    """Links."""

    links: list[ResultLink] = public(
        description="One link for each file.", default_factory=list, directives=[Cost(size=20)]
    )


ResultId = Annotated[strawberry.ID, strawberry.argument(description="The result.")]
Names = Annotated[
    list[str] | None, strawberry.argument(description="The names of the files. The default is all files.")
]


@strawberry.type(description="Mutations of results.")
class ResultMutations:
    """Root fields."""

    @requires(
        Resource.RESULT,
        PermissionVerb.VIEW,
        description=f"Create links that read files of a result for {MINUTES} minutes. "
        "The access is recorded in the history.",
    )
    @errors_in_payload(ResultOpenPayload)
    async def result_open(self, info: Info, id: ResultId, names: Names = None) -> ResultOpenPayload | None:
        """Create links."""
        links = await resolve.open_links(
            info.context.app_state, info.context.caller, decode_as("Result", id), names, id
        )
        return ResultOpenPayload(
            links=[ResultLink(name=link.name, url=link.url, expires_at=link.expires_at) for link in links]
        )
