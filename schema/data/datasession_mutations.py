"""Data sessions are made, named, filled and deleted."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import Operation, Resource
from resolvers.data import datasessions as resolve
from schema.context import Info, shown
from schema.data.datasessions import Datasession, DatasessionId
from schema.graphql.errors import Payload, reported
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires

ITEMS = "Files: a list of objects with source, basename and, where it is known, filter."


@strawberry.input(description="A new data session.")
class DatasessionCreateInput:
    """What datasessionCreate takes."""

    name: str = strawberry.field(description="Its name, 1 to 256 characters.")
    input_data: JSON | None = strawberry.field(description=f"{ITEMS} At most 1000 at once.", default=None)
    organization_id: strawberry.ID | None = strawberry.field(
        description="An organization of the caller's whose members may see it, as far as their roles say.", default=None
    )


@strawberry.type(description="The answer to a change of a data session.")
class DatasessionPayload(Payload):
    """A data session."""

    datasession: Datasession | None = public(description="The data session as it is now.", default=None)


@strawberry.type(description="The answer to datasessionDelete.")
class DatasessionDeletePayload(Payload):
    """An id that is no more."""

    deleted_id: strawberry.ID | None = public(description="The id of the data session that is gone.", default=None)


InputData = Annotated[JSON, strawberry.argument(description=ITEMS)]
Name = Annotated[str, strawberry.argument(description="Its new name, 1 to 256 characters.")]
Expected = Annotated[int | None, strawberry.argument(description="Change it only if this is still its version.")]


@strawberry.type(description="Changes of data sessions.")
class DatasessionMutations:
    """Root fields."""

    @requires(Resource.DATASESSION, Operation.CREATE, description="Make a data session. Takes `@idempotent`.")
    @reported(DatasessionPayload)
    @replayed(DatasessionPayload, "datasession")
    async def datasession_create(
        self,
        info: Info,
        input: Annotated[DatasessionCreateInput, strawberry.argument(description="The data session.")],
    ) -> DatasessionPayload | None:
        """Make a data session."""
        lab = input.organization_id
        made = await resolve.create(
            info.context.home,
            info.context.caller,
            input.name,
            input.input_data or [],
            decode_as("Organization", lab, path=("organizationId",)) if lab else None,
        )
        return DatasessionPayload(datasession=shown(made))

    @requires(Resource.DATASESSION, Operation.EDIT, description="Rename a data session.")
    @reported(DatasessionPayload)
    async def datasession_update(
        self, info: Info, id: DatasessionId, name: Name, expected_version: Expected = None
    ) -> DatasessionPayload | None:
        """Rename a data session."""
        key = decode_as("Datasession", id)
        changed = await resolve.rename(info.context.caller, key, name, expected_version)
        return DatasessionPayload(datasession=shown(changed))

    @requires(
        Resource.DATASESSION,
        Operation.EDIT,
        description="Append files to a data session; those it has stay as they are.",
    )
    @reported(DatasessionPayload)
    async def datasession_input_add(
        self, info: Info, id: DatasessionId, input_data: InputData
    ) -> DatasessionPayload | None:
        """Append files."""
        key = decode_as("Datasession", id)
        changed = await resolve.add(info.context.home, info.context.caller, key, input_data)
        return DatasessionPayload(datasession=shown(changed))

    @requires(Resource.DATASESSION, Operation.EDIT, description="Take files out of a data session.")
    @reported(DatasessionPayload)
    async def datasession_input_remove(
        self, info: Info, id: DatasessionId, input_data: InputData, expected_version: Expected = None
    ) -> DatasessionPayload | None:
        """Take files out."""
        key = decode_as("Datasession", id)
        changed = await resolve.remove(info.context.caller, key, input_data, expected_version)
        return DatasessionPayload(datasession=shown(changed))

    @requires(
        Resource.DATASESSION,
        Operation.DELETE,
        description="Delete a data session with its operations; those that run end.",
    )
    @reported(DatasessionDeletePayload)
    async def datasession_delete(self, info: Info, id: DatasessionId) -> DatasessionDeletePayload | None:
        """Delete a data session."""
        await resolve.delete(info.context.caller, decode_as("Datasession", id))
        return DatasessionDeletePayload(deleted_id=id)
