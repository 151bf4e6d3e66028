"""Subscriptions to data sessions."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from resolvers.data import datasessions as resolve
from schema.context import Info, as_graphql
from schema.data.datasessions import Datasession, DatasessionId
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.node import decode_as
from schema.graphql.permissions import live_subscription


@strawberry.type(description="Subscriptions to data sessions.")
class DatasessionSubscriptions:
    """Root fields."""

    @live_subscription(
        Resource.DATASESSION,
        PermissionVerb.VIEW,
        description="Send the data session now and after every change of it or its operations, until it is deleted.",
    )
    async def datasession_updated(self, info: Info, id: DatasessionId) -> AsyncIterator[Datasession | None]:
        """Stream a data session."""
        key, context = decode_as("Datasession", id), info.context
        await resolve.reader.require_visible(context.caller, key)
        async for snapshot in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"datasession:{key}"],
            lambda: resolve.read_snapshot(context.caller, key),
            version=lambda snapshot: snapshot.version,
        ):
            yield as_graphql(snapshot.datasession)
