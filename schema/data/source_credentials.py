"""Root fields of the caller's frame archive token, which is stored encrypted for a limited time and never returned."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.services.data.source_credentials import MAX_LIFETIME, MIN_LIFETIME
from resolvers.data import source_credentials as resolve
from schema.context import Info
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.permissions import public, requires


@strawberry.type(description="The payload of mutations of the stored archive token.")
class ArchiveTokenPayload(Payload):
    """The state of the stored token."""

    is_kept: bool | None = public(description="Whether a token is stored.", default=None)
    kept_until: datetime | None = public(
        description="The time when the stored token is deleted. Null if there is none.", default=None
    )


Token = Annotated[
    str, strawberry.argument(description="The caller's token for the frame archive. It cannot be read back.")
]
Seconds = Annotated[
    int,
    strawberry.argument(
        description=f"The storage time in seconds, from {MIN_LIFETIME.seconds} seconds to {MAX_LIFETIME.days} days."
    ),
]


@strawberry.type(description="Queries for stored archive tokens.")
class ArchiveTokenQueries:
    """Root fields."""

    @requires(
        Resource.TOKEN,
        PermissionVerb.VIEW,
        description="The time when the caller's stored archive token is deleted. Null if there is none.",
    )
    async def archive_token_kept_until(self, info: Info) -> datetime | None:
        """Return the expiry time."""
        return await resolve.expiry(info.context.caller)


@strawberry.type(description="Mutations of stored archive tokens.")
class ArchiveTokenMutations:
    """Root fields."""

    @requires(
        Resource.TOKEN,
        PermissionVerb.CREATE,
        description="Store a token of the frame archive. The caller's operations use it to read frames.",
    )
    @errors_in_payload(ArchiveTokenPayload)
    async def archive_token_set(
        self, info: Info, token: Token, seconds: Seconds = 30 * 86_400
    ) -> ArchiveTokenPayload | None:
        """Store a token."""
        until = await resolve.store(info.context.app_state, info.context.caller, token, seconds)
        return ArchiveTokenPayload(is_kept=True, kept_until=until)

    @requires(Resource.TOKEN, PermissionVerb.CREATE, description="Delete the stored token of the frame archive.")
    @errors_in_payload(ArchiveTokenPayload)
    async def archive_token_remove(self, info: Info) -> ArchiveTokenPayload | None:
        """Delete a token."""
        await resolve.delete(info.context.caller)
        return ArchiveTokenPayload(is_kept=False)
