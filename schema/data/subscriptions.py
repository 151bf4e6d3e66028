"""Data operations and data sessions are followed live."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import Operation, Resource
from models.data import dataoperations as table
from models.data.dataoperations import ENDINGS
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions as datasession_policy
from resolvers.data import datasession_snapshot as resolve
from resolvers.guards import visible
from schema.context import Info, shown
from schema.data.dataoperations import DataOperation, OperationId
from schema.data.datasessions import Datasession, DatasessionId
from schema.execution.subscriptions import present_then_events
from schema.graphql.node import decode_as
from schema.graphql.permissions import streams


@strawberry.type(description="Streams of data sessions and their operations.")
class DataSubscriptions:
    """Root fields."""

    @streams(
        Resource.DATA_OPERATION,
        Operation.VIEW,
        description="An operation now and at every change, until it has ended.",
    )
    async def operation_updated(self, info: Info, id: OperationId) -> AsyncIterator[DataOperation | None]:
        """Follow an operation."""
        key, context = decode_as("DataOperation", id), info.context
        await visible(policy.readable(context.caller), key)
        async for operation in present_then_events(
            context,
            context.home.bus,
            [f"operation:{key}"],
            lambda: context.home.present.row(policy.DATA_OPERATIONS, context.caller, key),
            version=_version,
            ended=lambda row: row.state in ENDINGS,
        ):
            yield shown(operation)

    @streams(
        Resource.DATASESSION,
        Operation.VIEW,
        description="A data session now and whenever it or one of its operations changes, until it is deleted.",
    )
    async def datasession_updated(self, info: Info, id: DatasessionId) -> AsyncIterator[Datasession | None]:
        """Follow a data session."""
        key, context = decode_as("Datasession", id), info.context
        await visible(datasession_policy.readable(context.caller), key)
        async for present in present_then_events(
            context,
            context.home.bus,
            [f"datasession:{key}"],
            lambda: resolve.present(context.caller, key),
            version=lambda present: present.version,
        ):
            yield shown(present.datasession)


def _version(row: table.DataOperation) -> tuple[object, ...]:
    return row.state, row.fence, row.fraction, row.phase, row.message, row.attempts, len(row.log)
