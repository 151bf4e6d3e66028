"""Mutations that set and remove the logo of a workstation."""

from typing import Annotated

import strawberry

from core.bytesize import MIB
from core.storage.image_resizing import BYTES_LIMIT
from models.accounts.roles import PermissionVerb, Resource
from resolvers.sessions import workstation_logos as resolve
from schema.context import Info, as_graphql
from schema.graphql.errors import errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import requires
from schema.sessions.workstations import WorkstationId, WorkstationPayload

UploadId = Annotated[
    strawberry.ID,
    strawberry.argument(
        description=f"A complete upload: a PNG, JPEG or WebP image of at most {BYTES_LIMIT // MIB} MiB."
    ),
]


@strawberry.type(description="Mutations of logos.")
class LogoMutations:
    """Root fields."""

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description="Set the logo of a workstation from an uploaded image. "
        "The image is re-encoded and the upload is deleted.",
    )
    @errors_in_payload(WorkstationPayload)
    async def workstation_logo_set(
        self, info: Info, id: WorkstationId, upload_id: UploadId
    ) -> WorkstationPayload | None:
        """Set the logo."""
        key, upload = decode_as("Workstation", id), decode_as("Upload", upload_id, path=("uploadId",))
        changed = await resolve.set_logo(info.context.app_state, info.context.caller, key, upload)
        return WorkstationPayload(workstation=as_graphql(changed))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description="Remove the logo of a workstation. Does nothing if there is none.",
    )
    @errors_in_payload(WorkstationPayload)
    async def workstation_logo_remove(self, info: Info, id: WorkstationId) -> WorkstationPayload | None:
        """Remove the logo."""
        changed = await resolve.remove_logo(info.context.app_state, info.context.caller, decode_as("Workstation", id))
        return WorkstationPayload(workstation=as_graphql(changed))
