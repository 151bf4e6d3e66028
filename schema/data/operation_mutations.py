"""Mutations that create, cancel, rerun and delete data operations, one or many at once."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.errors import NotFound
from models.accounts.roles import PermissionVerb, Resource
from models.data import dataoperations as table
from resolvers.data import dataoperations as resolve
from schema.context import Info, as_graphql
from schema.data.dataoperations import DataOperation, OperationId
from schema.data.datasessions import DatasessionId
from schema.execution.query_cost import Cost
from schema.graphql.bulk import MAX_ROWS, ErrorPolicy, Policy, distinct_batch
from schema.graphql.errors import Payload, UserError, errors_in_payload, user_error
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires


@strawberry.input(description="A new operation of a data session.")
class OperationCreateInput:
    """The input of operationCreate."""

    name: str = strawberry.field(description="The name of the operation, as in `availableOperations`.")
    inputs: JSON = strawberry.field(description="The inputs by key. Unknown keys are refused.")


@strawberry.type(description="The payload of operation mutations.")
class OperationPayload(Payload):
    """An operation."""

    operation: DataOperation | None = public(description="The current operation.", default=None)


@strawberry.type(description="The payload of operationDelete.")
class OperationDeletePayload(Payload):
    """The ID of the deleted object."""

    deleted_id: strawberry.ID | None = public(description="The ID of the deleted operation.", default=None)


@strawberry.type(description="The result of a bulk mutation for one operation.")
class OperationResult:
    """An operation with its errors."""

    id: strawberry.ID = public(description="The given ID.")
    operation: DataOperation | None = public(
        description="The current operation. Null if it is deleted or the caller cannot see it.", default=None
    )
    errors: list[UserError] = public(description="The errors. Empty on success.", default_factory=list)


@strawberry.type(description="The payload of bulk mutations of operations.")
class OperationsPayload(Payload):
    """One result for each object."""

    results: list[OperationResult] = public(
        description="One result for each ID, in the given order, without duplicates.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


OperationIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"The operations, 1 to {MAX_ROWS}.")]


def _key(text: str) -> int | NotFound:
    try:
        return decode_as("DataOperation", text, path=("ids",))
    except NotFound as error:
        return error


def _payload(ids: Sequence[str], outcomes: Sequence[resolve.BulkResult], *, deleted: bool) -> OperationsPayload:
    return OperationsPayload(results=[_result(*each, deleted=deleted) for each in zip(ids, outcomes, strict=True)])


def _result(text: str, outcome: resolve.BulkResult, *, deleted: bool) -> OperationResult:
    if isinstance(outcome, table.DataOperation):
        return OperationResult(id=strawberry.ID(text), operation=None if deleted else as_graphql(outcome))
    return OperationResult(id=strawberry.ID(text), errors=[user_error(outcome)])


@strawberry.type(description="Mutations of data operations.")
class OperationMutations:
    """Root fields."""

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.CREATE,
        description="Run an operation in a data session. The inputs are validated before a job is queued. "
        "Accepts `@idempotent`.",
    )
    @errors_in_payload(OperationPayload)
    @idempotent_mutation(OperationPayload, "data_operation", field="operation")
    async def operation_create(
        self,
        info: Info,
        datasession_id: DatasessionId,
        input: Annotated[OperationCreateInput, strawberry.argument(description="The operation.")],
    ) -> OperationPayload | None:
        """Queue an operation."""
        key = decode_as("Datasession", datasession_id, path=("datasessionId",))
        created = await resolve.create(info.context.app_state, info.context.caller, key, input.name, input.inputs)
        return OperationPayload(operation=as_graphql(created))

    @requires(
        Resource.DATA_OPERATION, PermissionVerb.EDIT, description="Cancel an operation. Does nothing if it has ended."
    )
    @errors_in_payload(OperationPayload)
    async def operation_cancel(self, info: Info, id: OperationId) -> OperationPayload | None:
        """Cancel an operation."""
        return OperationPayload(
            operation=as_graphql(await resolve.cancel(info.context.caller, decode_as("DataOperation", id)))
        )

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.EDIT,
        description="Rerun an operation that has ended, and then the operations that depend on it.",
    )
    @errors_in_payload(OperationPayload)
    async def operation_rerun(self, info: Info, id: OperationId) -> OperationPayload | None:
        """Run an operation again."""
        return OperationPayload(
            operation=as_graphql(
                await resolve.rerun(info.context.app_state, info.context.caller, decode_as("DataOperation", id))
            )
        )

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.DELETE,
        description="Delete an operation. A running operation is cancelled.",
    )
    @errors_in_payload(OperationDeletePayload)
    async def operation_delete(self, info: Info, id: OperationId) -> OperationDeletePayload | None:
        """Delete an operation."""
        await resolve.delete(info.context.caller, decode_as("DataOperation", id))
        return OperationDeletePayload(deleted_id=id)

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.EDIT,
        description=f"Cancel up to {MAX_ROWS} operations, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(OperationsPayload)
    async def operations_cancel(
        self, info: Info, ids: OperationIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> OperationsPayload | None:
        """Cancel many operations."""
        distinct = distinct_batch(ids)
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        outcomes = await resolve.cancel_many(
            info.context.caller, [_key(each) for each in distinct], all_or_none=all_or_none
        )
        return _payload(distinct, outcomes, deleted=False)

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.DELETE,
        description=f"Delete up to {MAX_ROWS} operations, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(OperationsPayload)
    async def operations_delete(
        self, info: Info, ids: OperationIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> OperationsPayload | None:
        """Delete many operations."""
        distinct = distinct_batch(ids)
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        outcomes = await resolve.delete_many(
            info.context.caller, [_key(each) for each in distinct], all_or_none=all_or_none
        )
        return _payload(
            distinct,
            outcomes,
            deleted=not (all_or_none and any(not isinstance(e, table.DataOperation) for e in outcomes)),
        )
