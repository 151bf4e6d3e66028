"""Subscriptions to images."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.sessions.images import ImageState
from resolvers.sessions import images as resolve
from schema.context import Info, as_graphql
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.node import decode_as
from schema.graphql.permissions import live_subscription
from schema.sessions.images import Image, ImageId

FINAL_STATES = frozenset({ImageState.READY, ImageState.FAILED, ImageState.REMOVED})


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
            version=resolve.version_of,
            is_final=lambda row: row.state in FINAL_STATES,
        ):
            yield as_graphql(image)
