"""Uploads as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from models import uploads as table
from models.access import Operation, Resource
from models.policies import uploads as policy
from models.uploads import UploadState
from resolvers import uploads as resolve
from schema.context import Context, Info, shown
from schema.core.enums import expose
from schema.core.errors import Payload, reported
from schema.core.ids import Node, readers
from schema.core.permissions import public, requires
from schema.core.scalars import BigInt
from schema.replays import replayed

expose(
    UploadState,
    "Where an upload stands.",
    {
        UploadState.WAITING: "Its bytes are awaited.",
        UploadState.COMPLETE: "Its bytes are here and can be used.",
        UploadState.USED: "It became something else, such as an image.",
    },
)


@strawberry.type(description="A file that a user brings.")
class Upload(Node):
    """Shows an upload."""

    model = table.Upload
    filename: str = public(description="The file's name.")
    state: UploadState = public(description="Where it stands.")
    size_bytes: BigInt | None = public(description="Its size in bytes, once it is complete.")
    sha256: str | None = public(description="The SHA-256 of its bytes, in hexadecimal, once it is complete.")
    expires_at: datetime = public(description="It is deleted then, unless it was used.")


@readers.register("Upload")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Upload]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.type(description="The answer to uploadCreate.")
class UploadCreatePayload(Payload):
    """An upload and where to send its bytes."""

    upload: Upload | None = public(description="The announced upload.", default=None)
    url: str | None = public(
        description="Send the file there with PUT, as it is; the address is a secret and works once.", default=None
    )


Filename = Annotated[str, strawberry.argument(description="The file's name, 1 to 255 characters.")]


def _address(info: Info, row: table.Upload, _is_new: bool) -> dict[str, str]:
    return {"url": resolve.address(info.context.home, row)}


@strawberry.type(description="Changes of uploads.")
class UploadMutations:
    """Root fields."""

    @requires(
        Resource.UPLOAD, Operation.CREATE, description="Announce a file; its bytes follow by PUT. Takes `@idempotent`."
    )
    @reported(UploadCreatePayload)
    @replayed(UploadCreatePayload, "upload", _address)
    async def upload_create(self, info: Info, filename: Filename) -> UploadCreatePayload | None:
        """Announce a file."""
        upload = await resolve.create(info.context.caller, filename)
        return UploadCreatePayload(upload=shown(upload), url=resolve.address(info.context.home, upload))
