"""The caller's token of the frame archive: kept sealed for a while, used by the caller's operations, never shown."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.accounts.roles import Operation, Resource
from resolvers.data import source_credentials as resolve
from schema.context import Info
from schema.graphql.errors import Payload, reported
from schema.graphql.permissions import public, requires


@strawberry.type(description="The answer to a change of the kept token of the frame archive.")
class ArchiveTokenPayload(Payload):
    """Whether, and until when."""

    is_kept: bool | None = public(description="Whether a token is kept now.", default=None)
    kept_until: datetime | None = public(
        description="When it is forgotten by itself; null when none is kept.", default=None
    )


Token = Annotated[str, strawberry.argument(description="Your token of the frame archive; it is not shown again.")]
Seconds = Annotated[int, strawberry.argument(description="How long it is kept, from 60 seconds to 90 days.")]


@strawberry.type(description="Reads of kept tokens.")
class ArchiveTokenQueries:
    """Root fields."""

    @requires(
        Resource.TOKEN,
        Operation.VIEW,
        description="When the caller's kept token of the frame archive is forgotten; null when none is kept.",
    )
    async def archive_token_kept_until(self, info: Info) -> datetime | None:
        """Return the moment."""
        return await resolve.kept_until(info.context.caller)


@strawberry.type(description="Changes of kept tokens.")
class ArchiveTokenMutations:
    """Root fields."""

    @requires(
        Resource.TOKEN,
        Operation.CREATE,
        description="Keep a token of the frame archive, with which the caller's operations read frames there.",
    )
    @reported(ArchiveTokenPayload)
    async def archive_token_set(
        self, info: Info, token: Token, seconds: Seconds = 30 * 86_400
    ) -> ArchiveTokenPayload | None:
        """Keep a token."""
        until = await resolve.keep(info.context.home, info.context.caller, token, seconds)
        return ArchiveTokenPayload(is_kept=True, kept_until=until)

    @requires(Resource.TOKEN, Operation.CREATE, description="Forget the kept token of the frame archive.")
    @reported(ArchiveTokenPayload)
    async def archive_token_remove(self, info: Info) -> ArchiveTokenPayload | None:
        """Forget a token."""
        await resolve.forget(info.context.caller)
        return ArchiveTokenPayload(is_kept=False)
