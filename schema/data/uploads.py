"""GraphQL types and root fields of uploads."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts.roles import PermissionVerb, Resource
from models.data import uploads as table
from models.data.uploads import UploadState
from models.policies.data import uploads as policy
from resolvers.data import uploads as resolve
from resolvers.paging.keyset import Sort, Window
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import DateTimeFilter, EnumFilter, StringFilter, column_conditions, where_condition
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.scalars import BigInt

graphql_enum(
    UploadState,
    "The state of an upload.",
    {
        UploadState.WAITING: "The content has not been received yet.",
        UploadState.COMPLETE: "The content was received and can be used.",
        UploadState.USED: "The upload was used, for example for an image.",
    },
)


@strawberry.type(description="A file uploaded by a user.")
class Upload(Node):
    """The GraphQL type of an upload."""

    model = table.Upload
    filename: str = public(description="The file name.")
    state: UploadState = public(description="The state.")
    size_bytes: BigInt | None = public(description="The size in bytes, once the upload is complete.")
    sha256: str | None = public(description="The SHA-256 of the content in hexadecimal, once the upload is complete.")
    created_at: datetime = public(description="The creation time.")
    expires_at: datetime = public(description="The time when the upload is deleted, unless it was used.")


@readers.register("Upload")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Upload]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class UploadColumn(StrEnum):
    """Columns that uploads can be sorted by."""

    CREATED_AT = "created_at"
    FILENAME = "filename"


graphql_enum(
    UploadColumn,
    "The columns that uploads can be sorted by.",
    {UploadColumn.CREATED_AT: "The creation time.", UploadColumn.FILENAME: "The file name."},
)


@strawberry.input(description="A sort key for uploads.")
class UploadOrder:
    """A column and a direction."""

    field: UploadColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on uploads. All must be true.")
class UploadWhere:
    """Conditions."""

    state: EnumFilter[UploadState] | None = strawberry.field(description="Filter by state.", default=None)
    filename: StringFilter | None = strawberry.field(description="Filter by file name.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    and_: list["UploadWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["UploadWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "UploadWhere | None" = strawberry.field(name="NOT", description="This condition must be false.", default=None)


def _own_condition(where: UploadWhere) -> Q:
    return column_conditions(state=where.state, filename=where.filename, created_at=where.created_at)


Where = Annotated[
    UploadWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
OrderBy = Annotated[
    list[UploadOrder] | None, strawberry.argument(description="The sort order. The default is newest first.")
]


@strawberry.type(description="Queries for uploads.")
class UploadQueries:
    """Root fields."""

    @requires(Resource.UPLOAD, PermissionVerb.VIEW, description="The caller's uploads, newest first.")
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
        rows = policy.readable(info.context.caller).filter(where_condition(where, _own_condition))
        return await connect(rows, sort_keys(order_by, Sort("id", descending=True)), Window(first, after, last, before))


@strawberry.type(description="The payload of uploadCreate.")
class UploadCreatePayload(Payload):
    """An upload with its URL."""

    upload: Upload | None = public(description="The upload.", default=None)
    url: str | None = public(
        description="The URL to send the file to with PUT. It is a secret and can be used once.", default=None
    )


Filename = Annotated[str, strawberry.argument(description="The file name, 1 to 255 characters.")]


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
