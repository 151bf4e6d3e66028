"""Mutations that create and change workstations, and set and remove their logos."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.bytesize import KIB, MIB
from core.storage.image_resizing import BYTES_LIMIT
from models.accounts.roles import PermissionVerb, Resource
from models.services.sessions.workstations import MAX_CONFIGURATION_BYTES, MAX_TITLE_LENGTH
from resolvers.sessions import workstation_logos
from resolvers.sessions import workstations as resolve
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.graphql.versions import ExpectedVersion
from schema.sessions.workstations import Workstation


@strawberry.input(description="A new workstation.")
class WorkstationCreateInput:
    """The input of workstationCreate."""

    title: str = strawberry.field(description=f"The title, 1 to {MAX_TITLE_LENGTH} characters.")
    description: str = strawberry.field(description="The purpose.", default="")
    is_public: bool = strawberry.field(
        description="Whether every signed-in user may launch the workstation.", default=False
    )


@strawberry.input(description="Changes to a workstation. Omitted fields keep their values.")
class WorkstationUpdateInput:
    """The input of workstationUpdate."""

    title: str | None = strawberry.field(description="The new title.", default=None)
    description: str | None = strawberry.field(description="The new description.", default=None)
    is_public: bool | None = strawberry.field(
        description="Whether every signed-in user may launch the workstation.", default=None
    )
    configuration: JSON | None = strawberry.field(
        description=f"A JSON object of at most {MAX_CONFIGURATION_BYTES // KIB} KiB for containers that start later. "
        f"Pass `{{}}` to clear it.",
        default=None,
    )


@strawberry.type(description="The payload of workstation mutations.")
class WorkstationPayload(Payload):
    """A workstation."""

    workstation: Workstation | None = public(description="The current workstation.", default=None)


WorkstationId = Annotated[strawberry.ID, strawberry.argument(description="The workstation.")]
UploadId = Annotated[
    strawberry.ID,
    strawberry.argument(
        description=f"A complete upload: a PNG, JPEG or WebP image of at most {BYTES_LIMIT // MIB} MiB."
    ),
]


@strawberry.type(description="Mutations of workstations.")
class WorkstationMutations:
    """Root fields."""

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.CREATE,
        description="Create a workstation. The creator becomes its editor. Accepts `@idempotent`.",
    )
    @errors_in_payload(WorkstationPayload)
    @idempotent_mutation(WorkstationPayload, "workstation")
    async def workstation_create(
        self,
        info: Info,
        input: Annotated[WorkstationCreateInput, strawberry.argument(description="The workstation.")],
    ) -> WorkstationPayload | None:
        """Create a workstation."""
        created = await resolve.create(info.context.caller, input.title, input.description, input.is_public)
        return WorkstationPayload(workstation=as_graphql(created))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description="Change the title, description, visibility or configuration of a workstation.",
    )
    @errors_in_payload(WorkstationPayload)
    async def workstation_update(
        self,
        info: Info,
        id: WorkstationId,
        input: Annotated[WorkstationUpdateInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> WorkstationPayload | None:
        """Change a workstation."""
        changes = {name: value for name, value in vars(input).items() if value is not None}
        key = decode_as("Workstation", id)
        changed = await resolve.update(info.context.caller, key, changes, expected_version)
        return WorkstationPayload(workstation=as_graphql(changed))

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
        changed = await workstation_logos.set_logo(info.context.app_state, info.context.caller, key, upload)
        return WorkstationPayload(workstation=as_graphql(changed))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description="Remove the logo of a workstation. Does nothing if there is none.",
    )
    @errors_in_payload(WorkstationPayload)
    async def workstation_logo_remove(self, info: Info, id: WorkstationId) -> WorkstationPayload | None:
        """Remove the logo."""
        changed = await workstation_logos.remove_logo(
            info.context.app_state, info.context.caller, decode_as("Workstation", id)
        )
        return WorkstationPayload(workstation=as_graphql(changed))
