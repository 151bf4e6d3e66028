"""Subscriptions to images."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.services.sessions.images import EDITABLE
from models.sessions import images as table
from models.sessions.images import ImageState
from resolvers.sessions import images as resolve
from schema.context import Info, as_graphql
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.node import decode_as
from schema.graphql.permissions import live_subscription
from schema.sessions.images import Image, ImageId

STREAMED_FIELDS = ("state", "reason", "is_desired", "workstation_id", *EDITABLE)
FINAL_STATES = frozenset({ImageState.READY, ImageState.FAILED, ImageState.REMOVED})


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
