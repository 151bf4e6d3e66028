"""GraphQL types of images."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.sessions import images as table
from models.sessions.images import ImageState
from resolvers.paging.keyset import Sort
from resolvers.sessions import images as resolve
from schema.accounts.users import User
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import (
    BooleanFilter,
    DateTimeFilter,
    EnumFilter,
    StringFilter,
    Where,
    filter_by,
    where_input,
)
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.graphql.scalars import BigInt

if TYPE_CHECKING:
    from schema.sessions.workstations import Workstation

graphql_enum(
    ImageState,
    "The state of an image.",
    {
        ImageState.QUEUED: "The import waits for a worker.",
        ImageState.IMPORTING: "The archive is being checked and loaded into the container engine.",
        ImageState.READY: "The image can be launched.",
        ImageState.FAILED: "The image cannot be used. See `reason`.",
        ImageState.REMOVED: "The image was removed.",
    },
)


@strawberry.type(description="A version of a workstation: a container image imported from an uploaded archive.")
class Image(Node):
    """The GraphQL type of an image."""

    model = table.Image
    workstation_id: strawberry.Private[int]
    creator_id: strawberry.Private[int | None]
    state: ImageState = public(description="The state.")
    reason: str = public(description="The reason why the image cannot be used. Empty if there is no problem.")
    http_port: int = public(description="The container port for HTTP.")
    websocket_port: int | None = public(description="The container port for WebSockets. Null means `httpPort`.")
    initial_path: str = public(description="The path that a session opens first, without a leading slash.")
    comment: str = public(description="The comment of the uploader.")
    is_desired: bool = public(description="Whether new sessions run this image, once it is ready.")
    digest: str | None = public(description="The image ID, `sha256:…`, computed from the content.")
    architecture: str | None = public(description="The processor architecture.")
    image_user: str | None = public(description="The user that runs the process. Never root.")
    exposed_ports: list[int] = public(description="The ports that the image exposes.")
    archive_bytes: BigInt | None = public(description="The size of the uploaded archive in bytes.")
    size_bytes: BigInt | None = public(description="The uncompressed size of the layers in bytes.")
    created_at: datetime = public(description="The creation time.")
    ready_at: datetime | None = public(description="The time when the image became ready.")

    workstation: Annotated["Workstation", strawberry.lazy("schema.sessions.workstations")] | None = requires(
        Resource.WORKSTATION,
        PermissionVerb.VIEW,
        description="The workstation of this image.",
        **loaded_by("workstation_id", "workstations"),
    )
    creator: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The user who imported it. Null if the caller cannot see this user.",
        **loaded_by("creator_id", "users"),
    )


readers.register_rows("Image", resolve.reader)


@where_input("images")
class ImageWhere(Where):
    """Conditions."""

    state: EnumFilter[ImageState] | None = filter_by("Filter by state.")
    is_desired: BooleanFilter | None = filter_by("Filter the active image.")
    comment: StringFilter | None = filter_by("Filter by comment.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


IMAGES = ListDefinition(
    Image,
    ImageWhere,
    resolve.reader.rows,
    {"created_at": "The creation time.", "ready_at": "The time when the image became ready."},
    Sort("id", descending=True),
    plural="images",
    default_text="newest first",
)
ImageId = Annotated[strawberry.ID, strawberry.argument(description="The image.")]
