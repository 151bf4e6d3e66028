"""Images as clients see them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from tortoise.expressions import Q

from models.accounts.roles import Operation, Resource
from models.policies.sessions import images as policy
from models.services.sessions.images import EDITABLE
from models.sessions import images as table
from models.sessions.images import ImageState
from resolvers.guards import visible
from resolvers.sessions import workstations as resolve
from schema.accounts.users import User
from schema.context import Context, Info, shown
from schema.execution.subscriptions import present_then_events
from schema.graphql.connection import Direction
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import BooleanFilter, DateTimeFilter, EnumFilter, StringFilter, combined, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires, streams
from schema.graphql.relations import by
from schema.graphql.scalars import BigInt

if TYPE_CHECKING:
    from schema.sessions.workstations import Workstation

expose(
    ImageState,
    "Where an image stands.",
    {
        ImageState.QUEUED: "Its import waits for a worker.",
        ImageState.IMPORTING: "It is checked and given to the engine.",
        ImageState.READY: "It can be launched.",
        ImageState.FAILED: "It cannot be used; `reason` says why.",
        ImageState.REMOVED: "It was taken away.",
    },
)
FOLLOWED = ("state", "reason", "is_desired", "workstation_id", *EDITABLE)
SETTLED = frozenset({ImageState.READY, ImageState.FAILED, ImageState.REMOVED})


@strawberry.type(description="A version of a workstation: a container image made from an uploaded archive.")
class Image(Node):
    """Shows an image."""

    model = table.Image
    workstation_id: strawberry.Private[int]
    creator_id: strawberry.Private[int | None]
    state: ImageState = public(description="Where it stands.")
    reason: str = public(description="Why it cannot be used, as one sentence; empty while nothing is wrong.")
    http_port: int = public(description="The container's port that speaks HTTP.")
    websocket_port: int | None = public(description="The container's port for websockets; null means `httpPort`.")
    initial_path: str = public(description="The path that opens first, without a leading slash.")
    comment: str = public(description="What its uploader noted.")
    is_desired: bool = public(description="Whether new sessions run it, once it is ready.")
    digest: str | None = public(description="The image's id, `sha256:…`, computed from its content.")
    architecture: str | None = public(description="The processor architecture it is built for.")
    image_user: str | None = public(description="The user that its process runs as; never root.")
    exposed_ports: list[int] = public(description="The ports that it declares.")
    archive_bytes: BigInt | None = public(description="The size of the uploaded archive, in bytes.")
    size_bytes: BigInt | None = public(description="The size of its layers, uncompressed, in bytes.")
    created_at: datetime = public(description="When it was brought.")
    ready_at: datetime | None = public(description="When it became ready.")

    workstation: Annotated["Workstation", strawberry.lazy("schema.sessions.workstations")] | None = requires(
        Resource.WORKSTATION,
        Operation.VIEW,
        description="The workstation that it is a version of.",
        **by("workstation_id", "workstations"),
    )
    creator: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Who brought it; null when the caller may not know of them.",
        **by("creator_id", "users"),
    )


@readers.register("Image")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Image]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class ImageColumn(StrEnum):
    """Columns that images can be sorted by."""

    CREATED_AT = "created_at"
    READY_AT = "ready_at"


expose(
    ImageColumn,
    "What images can be sorted by.",
    {ImageColumn.CREATED_AT: "When it was brought.", ImageColumn.READY_AT: "When it became ready."},
)


@strawberry.input(description="One sort key of images.")
class ImageOrder:
    """A column and a direction."""

    field: ImageColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on images; all must hold.")
class ImageWhere:
    """Conditions."""

    state: EnumFilter[ImageState] | None = strawberry.field(description="On the state.", default=None)
    is_desired: BooleanFilter | None = strawberry.field(description="On whether new sessions run it.", default=None)
    comment: StringFilter | None = strawberry.field(description="On what its uploader noted.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was brought.", default=None)
    and_: list["ImageWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["ImageWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "ImageWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: ImageWhere) -> Q:
    return given(state=where.state, is_desired=where.is_desired, comment=where.comment, created_at=where.created_at)


def image_condition(where: ImageWhere | None) -> Q:
    """Return the whole condition of `where`."""
    return combined(where, _own)


ImagesWhere = Annotated[ImageWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
ImagesOrder = Annotated[
    list[ImageOrder] | None, strawberry.argument(description="The order; newest first if not said.")
]
ImageId = Annotated[strawberry.ID, strawberry.argument(description="The image.")]


@strawberry.input(description="A new image of a workstation.")
class ImageCreateInput:
    """What imageCreate takes."""

    workstation_id: strawberry.ID = strawberry.field(description="The workstation; the caller must edit it.")
    upload_id: strawberry.ID = strawberry.field(
        description="A complete upload: what `docker save IMAGE | gzip` wrote, or the same as .tar or .tar.xz."
    )
    http_port: int = strawberry.field(description="The port that speaks HTTP; the image declares it.", default=8080)
    websocket_port: int | None = strawberry.field(
        description="The port for websockets, if it is another one; the image declares it.", default=None
    )
    initial_path: str = strawberry.field(description="The path that opens first, without a leading slash.", default="")
    comment: str = strawberry.field(description="A note, such as the version.", default="")
    is_desired: bool = strawberry.field(description="Whether new sessions run it as soon as it is ready.", default=True)
    region: str | None = strawberry.field(description="Where to import it; the first region if not said.", default=None)


@strawberry.input(description="Changes of an image; what is not given stays as it is.")
class ImageUpdateInput:
    """What imageUpdate takes."""

    http_port: int | None = strawberry.field(
        description="The port that speaks HTTP, for sessions that start later; a ready image declares it.",
        default=strawberry.UNSET,
    )
    websocket_port: int | None = strawberry.field(
        description="The port for websockets, for sessions that start later; null means `httpPort`.",
        default=strawberry.UNSET,
    )
    initial_path: str | None = strawberry.field(
        description="The path that opens first, also in sessions that run; without a leading slash.",
        default=strawberry.UNSET,
    )
    comment: str | None = strawberry.field(description="A note, such as the version.", default=strawberry.UNSET)

    def given(self) -> dict[str, Any]:
        """Return what is to be changed; null says nothing but for the websocket port, which it takes away."""
        nothing = (strawberry.UNSET, None)
        changes = {name: value for name, value in vars(self).items() if value not in nothing}
        return changes if self.websocket_port is not None else changes | {"websocket_port": None}


@strawberry.type(description="The answer to a change of an image.")
class ImagePayload(Payload):
    """An image."""

    image: Image | None = public(description="The image as it is now.", default=None)


@strawberry.type(description="Changes of images.")
class ImageMutations:
    """Root fields."""

    @requires(
        Resource.IMAGE,
        Operation.CREATE,
        description="Import an upload as an image of a workstation. Takes `@idempotent`.",
    )
    @reported(ImagePayload)
    @replayed(ImagePayload, "image")
    async def image_create(
        self,
        info: Info,
        input: Annotated[ImageCreateInput, strawberry.argument(description="The image.")],
    ) -> ImagePayload | None:
        """Queue an import."""
        image = await resolve.create_image(
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
        return ImagePayload(image=shown(image))

    @requires(Resource.IMAGE, Operation.EDIT, description="Change ports, initial path or comment of an image.")
    @reported(ImagePayload)
    async def image_update(
        self,
        info: Info,
        id: ImageId,
        input: Annotated[ImageUpdateInput, strawberry.argument(description="What to change.")],
    ) -> ImagePayload | None:
        """Change an image."""
        image = await resolve.update_image(info.context.caller, decode_as("Image", id), input.given())
        return ImagePayload(image=shown(image))

    @requires(
        Resource.IMAGE,
        Operation.EDIT,
        description="Give a ready image to another workstation, which runs it from now on; its sessions go on.",
    )
    @reported(ImagePayload)
    async def image_move(
        self,
        info: Info,
        id: ImageId,
        workstation_id: Annotated[
            strawberry.ID, strawberry.argument(description="The other workstation; the caller must edit both.")
        ],
    ) -> ImagePayload | None:
        """Move an image."""
        key, to = decode_as("Image", id), decode_as("Workstation", workstation_id, path=("workstationId",))
        return ImagePayload(image=shown(await resolve.move_image(info.context.caller, key, to)))

    @requires(Resource.IMAGE, Operation.EDIT, description="Let new sessions run this image.")
    @reported(ImagePayload)
    async def image_make_desired(self, info: Info, id: ImageId) -> ImagePayload | None:
        """Choose an image."""
        image = await resolve.make_image_desired(info.context.caller, decode_as("Image", id))
        return ImagePayload(image=shown(image))


def _version(row: table.Image) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in FOLLOWED)


@strawberry.type(description="Streams of images.")
class ImageSubscriptions:
    """Root fields."""

    @streams(
        Resource.IMAGE,
        Operation.VIEW,
        description="An image now and at every change, until it is ready or has failed.",
    )
    async def image_updated(self, info: Info, id: ImageId) -> AsyncIterator[Image | None]:
        """Follow an image."""
        key, context = decode_as("Image", id), info.context
        await visible(policy.readable(context.caller), key)
        async for image in present_then_events(
            context,
            context.home.bus,
            [f"image:{key}"],
            lambda: context.home.present.row(policy.IMAGES, context.caller, key),
            version=_version,
            ended=lambda row: row.state in SETTLED,
        ):
            yield shown(image)
