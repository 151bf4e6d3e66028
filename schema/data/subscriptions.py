"""Subscriptions to data operations and data sessions."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.data import dataoperations as table
from models.data.dataoperations import TERMINAL_STATES
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions as datasession_policy
from resolvers.data import datasession_snapshot as resolve
from resolvers.guards import visible
from schema.context import Info, as_graphql
from schema.data.dataoperations import DataOperation, OperationId
from schema.data.datasessions import Datasession, DatasessionId
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.node import decode_as
from schema.graphql.permissions import live_subscription


@strawberry.type(description="Subscriptions to data sessions and their operations.")
class DataSubscriptions:
    """Root fields."""

    @live_subscription(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="Send the operation now and after every change, until it has ended.",
    )
    async def operation_updated(self, info: Info, id: OperationId) -> AsyncIterator[DataOperation | None]:
        """Stream an operation."""
        key, context = decode_as("DataOperation", id), info.context
        await visible(policy.readable(context.caller), key)
        async for operation in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"operation:{key}"],
            lambda: context.app_state.live_rows.row(policy.DATA_OPERATIONS, context.caller, key),
            version=_version,
            is_final=lambda row: row.state in TERMINAL_STATES,
        ):
            yield as_graphql(operation)

    @live_subscription(
        Resource.DATASESSION,
        PermissionVerb.VIEW,
        description="Send the data session now and after every change of it or its operations, until it is deleted.",
    )
    async def datasession_updated(self, info: Info, id: DatasessionId) -> AsyncIterator[Datasession | None]:
        """Stream a data session."""
        key, context = decode_as("Datasession", id), info.context
        await visible(datasession_policy.readable(context.caller), key)
        async for snapshot in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"datasession:{key}"],
            lambda: resolve.read_snapshot(context.caller, key),
            version=lambda snapshot: snapshot.version,
        ):
            yield as_graphql(snapshot.datasession)


def _version(row: table.DataOperation) -> tuple[object, ...]:
    return row.state, row.fence, row.fraction, row.phase, row.message, row.attempts, len(row.log)
