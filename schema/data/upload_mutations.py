"""The mutation that creates uploads."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.data import uploads as table
from models.services.data.uploads import MAX_NAME_LENGTH
from resolvers.data import uploads as resolve
from schema.context import Info, as_graphql
from schema.data.uploads import Upload
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.permissions import public, requires


@strawberry.type(description="The payload of uploadCreate.")
class UploadCreatePayload(Payload):
    """An upload with its URL."""

    upload: Upload | None = public(description="The upload.", default=None)
    url: str | None = public(
        description="The URL to send the file to with PUT. It is a secret and can be used once.", default=None
    )


Filename = Annotated[str, strawberry.argument(description=f"The file name, 1 to {MAX_NAME_LENGTH} characters.")]


def _address(info: Info, row: table.Upload, _is_new: bool) -> dict[str, str]:
    return {"url": resolve.upload_url(info.context.app_state, row)}


@strawberry.type(description="Mutations of uploads.")
class UploadMutations:
    """Root fields."""

    @requires(
        Resource.UPLOAD,
        PermissionVerb.CREATE,
        description="Create an upload. The content is then sent by PUT. Accepts `@idempotent`.",
    )
    @errors_in_payload(UploadCreatePayload)
    @idempotent_mutation(UploadCreatePayload, "upload", _address)
    async def upload_create(self, info: Info, filename: Filename) -> UploadCreatePayload | None:
        """Create an upload."""
        upload = await resolve.create(info.context.caller, filename)
        return UploadCreatePayload(upload=as_graphql(upload), url=resolve.upload_url(info.context.app_state, upload))
