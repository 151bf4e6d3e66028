"""Subscriptions to data operations."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.data.dataoperations import TERMINAL_STATES
from resolvers.data import dataoperations as resolve
from schema.context import Info, as_graphql
from schema.data.dataoperations import DataOperation, OperationId
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.node import decode_as
from schema.graphql.permissions import live_subscription


@strawberry.type(description="Subscriptions to data operations.")
class OperationSubscriptions:
    """Root fields."""

    @live_subscription(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="Send the operation now and after every change, until it has ended.",
    )
    async def operation_updated(self, info: Info, id: OperationId) -> AsyncIterator[DataOperation | None]:
        """Stream an operation."""
        key, context = decode_as("DataOperation", id), info.context
        await resolve.reader.require_visible(context.caller, key)
        async for operation in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"operation:{key}"],
            lambda: resolve.read_live(context.app_state, context.caller, key),
            version=resolve.version_of,
            is_final=lambda row: row.state in TERMINAL_STATES,
        ):
            yield as_graphql(operation)
