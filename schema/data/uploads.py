"""GraphQL types and root fields of uploads."""

from datetime import datetime

import strawberry

from models.accounts.roles import Resource
from models.data import uploads as table
from models.data.uploads import UploadState
from resolvers.data import uploads as resolve
from resolvers.paging.keyset import Sort
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public
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


readers.register_rows("Upload", resolve.reader)


@where_input("uploads")
class UploadWhere(Where):
    """Conditions."""

    state: EnumFilter[UploadState] | None = filter_by("Filter by state.")
    filename: StringFilter | None = filter_by("Filter by file name.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


UPLOADS = ListDefinition(
    Upload,
    UploadWhere,
    resolve.reader.rows,
    {"created_at": "The creation time.", "filename": "The file name."},
    Sort("id", descending=True),
    plural="uploads",
    default_text="newest first",
)


@strawberry.type(description="Queries for uploads.")
class UploadQueries:
    """Root fields."""

    uploads = UPLOADS.field(Resource.UPLOAD, description="The caller's uploads, newest first.")
