"""Uploads as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts.roles import Operation, Resource
from models.data import uploads as table
from models.data.uploads import UploadState
from models.policies.data import uploads as policy
from resolvers.data import uploads as resolve
from resolvers.paging.keyset import Sort, Window
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import DateTimeFilter, EnumFilter, StringFilter, combined, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.scalars import BigInt

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
    created_at: datetime = public(description="When it was announced.")
    expires_at: datetime = public(description="It is deleted then, unless it was used.")


@readers.register("Upload")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Upload]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class UploadColumn(StrEnum):
    """Columns that uploads can be sorted by."""

    CREATED_AT = "created_at"
    FILENAME = "filename"


expose(
    UploadColumn,
    "What uploads can be sorted by.",
    {UploadColumn.CREATED_AT: "When it was announced.", UploadColumn.FILENAME: "The file's name."},
)


@strawberry.input(description="One sort key of uploads.")
class UploadOrder:
    """A column and a direction."""

    field: UploadColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on uploads; all must hold.")
class UploadWhere:
    """Conditions."""

    state: EnumFilter[UploadState] | None = strawberry.field(description="On the state.", default=None)
    filename: StringFilter | None = strawberry.field(description="On the file's name.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was announced.", default=None)
    and_: list["UploadWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["UploadWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "UploadWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: UploadWhere) -> Q:
    return given(state=where.state, filename=where.filename, created_at=where.created_at)


Where = Annotated[UploadWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[UploadOrder] | None, strawberry.argument(description="The order; newest first if not said.")]


@strawberry.type(description="Reads of uploads.")
class UploadQueries:
    """Root fields."""

    @requires(Resource.UPLOAD, Operation.VIEW, description="The caller's uploads, newest first.")
    async def uploads(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Upload] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        return await connect(rows, sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before))


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
