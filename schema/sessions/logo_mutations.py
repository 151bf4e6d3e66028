"""Workstations get a logo and lose it."""

from typing import Annotated

import strawberry

from models.accounts.roles import Operation, Resource
from resolvers.sessions import workstation_logos as resolve
from schema.context import Info, shown
from schema.graphql.errors import reported
from schema.graphql.node import decode_as
from schema.graphql.permissions import requires
from schema.sessions.workstations import WorkstationId, WorkstationPayload

UploadId = Annotated[
    strawberry.ID, strawberry.argument(description="A complete upload: a PNG, JPEG or WebP of at most 4 MiB.")
]


@strawberry.type(description="Changes of logos.")
class LogoMutations:
    """Root fields."""

    @requires(
        Resource.WORKSTATION,
        Operation.EDIT,
        description="Let an uploaded picture be the workstation's logo; it is drawn anew, and the file is thrown away.",
    )
    @reported(WorkstationPayload)
    async def workstation_logo_set(
        self, info: Info, id: WorkstationId, upload_id: UploadId
    ) -> WorkstationPayload | None:
        """Give a logo."""
        key, upload = decode_as("Workstation", id), decode_as("Upload", upload_id, path=("uploadId",))
        changed = await resolve.give(info.context.home, info.context.caller, key, upload)
        return WorkstationPayload(workstation=shown(changed))

    @requires(
        Resource.WORKSTATION,
        Operation.EDIT,
        description="Leave a workstation without a logo; harmless when it has none.",
    )
    @reported(WorkstationPayload)
    async def workstation_logo_remove(self, info: Info, id: WorkstationId) -> WorkstationPayload | None:
        """Take the logo away."""
        changed = await resolve.take(info.context.home, info.context.caller, decode_as("Workstation", id))
        return WorkstationPayload(workstation=shown(changed))
