"""Mutations that import, change, reassign and activate images."""

from typing import Annotated, Any

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from resolvers.sessions import images as resolve
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.images import Image, ImageId


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
