"""Mutations that create, change and delete data sessions."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import PermissionVerb, Resource
from models.services.data.datasessions import MAX_NAME_LENGTH
from resolvers.data import datasessions as resolve
from resolvers.data.input_files import MAX_ITEMS
from schema.context import Info, as_graphql
from schema.data.datasessions import Datasession, DatasessionId
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.graphql.versions import ExpectedVersion

ITEMS = "The files: a list of objects with source, basename and optionally filter."


@strawberry.input(description="A new data session.")
class DatasessionCreateInput:
    """The input of datasessionCreate."""

    name: str = strawberry.field(description=f"The name, 1 to {MAX_NAME_LENGTH} characters.")
    input_data: JSON | None = strawberry.field(description=f"{ITEMS} At most {MAX_ITEMS} per request.", default=None)
    organization_id: strawberry.ID | None = strawberry.field(
        description="An organization of the caller. Its members can see the data session if their roles allow it.",
        default=None,
    )


@strawberry.type(description="The payload of data session mutations.")
class DatasessionPayload(Payload):
    """A data session."""

    datasession: Datasession | None = public(description="The current data session.", default=None)


@strawberry.type(description="The payload of datasessionDelete.")
class DatasessionDeletePayload(Payload):
    """The ID of the deleted object."""

    deleted_id: strawberry.ID | None = public(description="The ID of the deleted data session.", default=None)


InputData = Annotated[JSON, strawberry.argument(description=ITEMS)]
Name = Annotated[str, strawberry.argument(description=f"The new name, 1 to {MAX_NAME_LENGTH} characters.")]


@strawberry.type(description="Mutations of data sessions.")
class DatasessionMutations:
    """Root fields."""

    @requires(Resource.DATASESSION, PermissionVerb.CREATE, description="Create a data session. Accepts `@idempotent`.")
    @errors_in_payload(DatasessionPayload)
    @idempotent_mutation(DatasessionPayload, "datasession")
    async def datasession_create(
        self,
        info: Info,
        input: Annotated[DatasessionCreateInput, strawberry.argument(description="The data session.")],
    ) -> DatasessionPayload | None:
        """Create a data session."""
        organization_id = input.organization_id
        created = await resolve.create(
            info.context.app_state,
            info.context.caller,
            input.name,
            input.input_data or [],
            decode_as("Organization", organization_id, path=("organizationId",)) if organization_id else None,
        )
        return DatasessionPayload(datasession=as_graphql(created))

    @requires(Resource.DATASESSION, PermissionVerb.EDIT, description="Rename a data session.")
    @errors_in_payload(DatasessionPayload)
    async def datasession_update(
        self, info: Info, id: DatasessionId, name: Name, expected_version: ExpectedVersion = None
    ) -> DatasessionPayload | None:
        """Rename a data session."""
        key = decode_as("Datasession", id)
        changed = await resolve.rename(info.context.caller, key, name, expected_version)
        return DatasessionPayload(datasession=as_graphql(changed))

    @requires(
        Resource.DATASESSION,
        PermissionVerb.EDIT,
        description="Append files to a data session.",
    )
    @errors_in_payload(DatasessionPayload)
    async def datasession_input_add(
        self, info: Info, id: DatasessionId, input_data: InputData
    ) -> DatasessionPayload | None:
        """Append files."""
        key = decode_as("Datasession", id)
        changed = await resolve.add(info.context.app_state, info.context.caller, key, input_data)
        return DatasessionPayload(datasession=as_graphql(changed))

    @requires(Resource.DATASESSION, PermissionVerb.EDIT, description="Remove files from a data session.")
    @errors_in_payload(DatasessionPayload)
    async def datasession_input_remove(
        self, info: Info, id: DatasessionId, input_data: InputData, expected_version: ExpectedVersion = None
    ) -> DatasessionPayload | None:
        """Remove files."""
        key = decode_as("Datasession", id)
        changed = await resolve.remove(info.context.caller, key, input_data, expected_version)
        return DatasessionPayload(datasession=as_graphql(changed))

    @requires(
        Resource.DATASESSION,
        PermissionVerb.DELETE,
        description="Delete a data session and its operations. Running operations are cancelled.",
    )
    @errors_in_payload(DatasessionDeletePayload)
    async def datasession_delete(self, info: Info, id: DatasessionId) -> DatasessionDeletePayload | None:
        """Delete a data session."""
        await resolve.delete(info.context.caller, decode_as("Datasession", id))
        return DatasessionDeletePayload(deleted_id=id)
