"""GraphQL types and root fields of images."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.services.sessions.images import EDITABLE
from models.sessions import images as table
from models.sessions.images import ImageState
from resolvers.paging.keyset import Sort
from resolvers.sessions import images as resolve
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import (
    BooleanFilter,
    DateTimeFilter,
    EnumFilter,
    StringFilter,
    Where,
    filter_by,
    where_input,
)
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import live_subscription, public, requires
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
STREAMED_FIELDS = ("state", "reason", "is_desired", "workstation_id", *EDITABLE)
FINAL_STATES = frozenset({ImageState.READY, ImageState.FAILED, ImageState.REMOVED})


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


@strawberry.input(description="A new image of a workstation.")
class ImageCreateInput:
    """The input of imageCreate."""

    workstation_id: strawberry.ID = strawberry.field(description="The workstation. The caller must be able to edit it.")
    upload_id: strawberry.ID = strawberry.field(
        description="A complete upload: the output of `docker save`, as .tar, .tar.gz or .tar.xz."
    )
    http_port: int = strawberry.field(description="The port for HTTP. The image must expose it.", default=8080)
    websocket_port: int | None = strawberry.field(
        description="The port for WebSockets, if different. The image must expose it.", default=None
    )
    initial_path: str = strawberry.field(
        description="The path that a session opens first, without a leading slash.", default=""
    )
    comment: str = strawberry.field(description="A comment, for example the version.", default="")
    is_desired: bool = strawberry.field(
        description="Whether new sessions run this image as soon as it is ready.", default=True
    )
    region: str | None = strawberry.field(
        description="The region to import it into. The default is the first region.", default=None
    )


@strawberry.input(description="Changes to an image. Omitted fields keep their values.")
class ImageUpdateInput:
    """The input of imageUpdate."""

    http_port: int | None = strawberry.field(
        description="The port for HTTP in sessions that start later. A ready image must expose it.",
        default=strawberry.UNSET,
    )
    websocket_port: int | None = strawberry.field(
        description="The port for WebSockets in sessions that start later. Null means `httpPort`.",
        default=strawberry.UNSET,
    )
    initial_path: str | None = strawberry.field(
        description="The path that a session opens first, without a leading slash. Applies to running sessions too.",
        default=strawberry.UNSET,
    )
    comment: str | None = strawberry.field(description="A comment, for example the version.", default=strawberry.UNSET)

    def changes(self) -> dict[str, Any]:
        """Return the given changes. Null is ignored, except for `websocket_port`, where it clears the port."""
        nothing = (strawberry.UNSET, None)
        changes = {name: value for name, value in vars(self).items() if value not in nothing}
        return changes if self.websocket_port is not None else changes | {"websocket_port": None}


@strawberry.type(description="The payload of image mutations.")
class ImagePayload(Payload):
    """An image."""

    image: Image | None = public(description="The current image.", default=None)


@strawberry.type(description="Mutations of images.")
class ImageMutations:
    """Root fields."""

    @requires(
        Resource.IMAGE,
        PermissionVerb.CREATE,
        description="Import an upload as an image of a workstation. Accepts `@idempotent`.",
    )
    @errors_in_payload(ImagePayload)
    @idempotent_mutation(ImagePayload, "image")
    async def image_create(
        self,
        info: Info,
        input: Annotated[ImageCreateInput, strawberry.argument(description="The image.")],
    ) -> ImagePayload | None:
        """Queue an import."""
        image = await resolve.create(
            info.context.caller,
            decode_as("Workstation", input.workstation_id, path=("workstationId",)),
            decode_as("Upload", input.upload_id, path=("uploadId",)),
            region=input.region,
            http_port=input.http_port,
            websocket_port=input.websocket_port,
            initial_path=input.initial_path,
            comment=input.comment,
            is_desired=input.is_desired,
        )
        return ImagePayload(image=as_graphql(image))

    @requires(Resource.IMAGE, PermissionVerb.EDIT, description="Change the ports, initial path or comment of an image.")
    @errors_in_payload(ImagePayload)
    async def image_update(
        self,
        info: Info,
        id: ImageId,
        input: Annotated[ImageUpdateInput, strawberry.argument(description="The changes.")],
    ) -> ImagePayload | None:
        """Change an image."""
        image = await resolve.update(info.context.caller, decode_as("Image", id), input.changes())
        return ImagePayload(image=as_graphql(image))

    @requires(
        Resource.IMAGE,
        PermissionVerb.EDIT,
        description="Reassign a ready image to another workstation, where it becomes active. "
        "Its running sessions continue.",
    )
    @errors_in_payload(ImagePayload)
    async def image_move(
        self,
        info: Info,
        id: ImageId,
        workstation_id: Annotated[
            strawberry.ID,
            strawberry.argument(description="The target workstation. The caller must be able to edit both."),
        ],
    ) -> ImagePayload | None:
        """Reassign an image."""
        key, to = decode_as("Image", id), decode_as("Workstation", workstation_id, path=("workstationId",))
        return ImagePayload(image=as_graphql(await resolve.reassign(info.context.caller, key, to)))

    @requires(Resource.IMAGE, PermissionVerb.EDIT, description="Make this the active image, which new sessions run.")
    @errors_in_payload(ImagePayload)
    async def image_make_desired(self, info: Info, id: ImageId) -> ImagePayload | None:
        """Activate an image."""
        image = await resolve.make_desired(info.context.caller, decode_as("Image", id))
        return ImagePayload(image=as_graphql(image))


def _version(row: table.Image) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in STREAMED_FIELDS)


@strawberry.type(description="Subscriptions to images.")
class ImageSubscriptions:
    """Root fields."""

    @live_subscription(
        Resource.IMAGE,
        PermissionVerb.VIEW,
        description="Send the image now and after every change, until it is ready, failed or removed.",
    )
    async def image_updated(self, info: Info, id: ImageId) -> AsyncIterator[Image | None]:
        """Stream an image."""
        key, context = decode_as("Image", id), info.context
        await resolve.reader.require_visible(context.caller, key)
        async for image in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"image:{key}"],
            lambda: resolve.read_live(context.app_state, context.caller, key),
            version=_version,
            is_final=lambda row: row.state in FINAL_STATES,
        ):
            yield as_graphql(image)
