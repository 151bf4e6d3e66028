"""Data operations are asked for, cancelled, run again and deleted."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.errors import NotFound
from models.accounts.roles import Operation, Resource
from models.data import dataoperations as table
from resolvers.data import dataoperations as resolve
from schema.context import Info, shown
from schema.data.dataoperations import DataOperation, OperationId
from schema.data.datasessions import DatasessionId
from schema.execution.query_cost import Cost
from schema.graphql.bulk import ErrorPolicy, Policy, bounded
from schema.graphql.errors import Payload, UserError, reported, user_error
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires


@strawberry.input(description="A new operation of a data session.")
class OperationCreateInput:
    """What operationCreate takes."""

    name: str = strawberry.field(description="Which one, of `availableOperations`.")
    inputs: JSON = strawberry.field(description="What it takes, by the keys of its inputs; unknown ones are refused.")


@strawberry.type(description="The answer to a change of an operation.")
class OperationPayload(Payload):
    """An operation."""

    operation: DataOperation | None = public(description="The operation as it is now.", default=None)


@strawberry.type(description="The answer to operationDelete.")
class OperationDeletePayload(Payload):
    """An id that is no more."""

    deleted_id: strawberry.ID | None = public(description="The id of the operation that is gone.", default=None)


@strawberry.type(description="What became of one of many operations.")
class OperationResult:
    """An operation, or why not."""

    id: strawberry.ID = public(description="The id that was given.")
    operation: DataOperation | None = public(
        description="The operation as it is now; null when it cannot be seen or is deleted.", default=None
    )
    errors: list[UserError] = public(description="Why nothing was done; empty when it was.", default_factory=list)


@strawberry.type(description="The answer to a change of many operations.")
class OperationsPayload(Payload):
    """A result for each."""

    results: list[OperationResult] = public(
        description="One for each id, in their order, each id once.", default_factory=list, directives=[Cost(size=100)]
    )


OperationIds = Annotated[list[strawberry.ID], strawberry.argument(description="The operations, 1 to 100.")]


def _key(text: str) -> int | NotFound:
    try:
        return decode_as("DataOperation", text, path=("ids",))
    except NotFound as error:
        return error


def _answers(ids: Sequence[str], ends: Sequence[resolve.Done], *, deleted: bool) -> OperationsPayload:
    return OperationsPayload(results=[_result(*each, deleted=deleted) for each in zip(ids, ends, strict=True)])


def _result(text: str, end: resolve.Done, *, deleted: bool) -> OperationResult:
    if isinstance(end, table.DataOperation):
        return OperationResult(id=strawberry.ID(text), operation=None if deleted else shown(end))
    return OperationResult(id=strawberry.ID(text), errors=[user_error(end)])


@strawberry.type(description="Changes of data operations.")
class OperationMutations:
    """Root fields."""

    @requires(
        Resource.DATA_OPERATION,
        Operation.CREATE,
        description="Run an operation in a data session; a bad request costs no job. Takes `@idempotent`.",
    )
    @reported(OperationPayload)
    @replayed(OperationPayload, "data_operation", field="operation")
    async def operation_create(
        self,
        info: Info,
        datasession_id: DatasessionId,
        input: Annotated[OperationCreateInput, strawberry.argument(description="The operation.")],
    ) -> OperationPayload | None:
        """Queue an operation."""
        key = decode_as("Datasession", datasession_id, path=("datasessionId",))
        made = await resolve.create(info.context.home, info.context.caller, key, input.name, input.inputs)
        return OperationPayload(operation=shown(made))

    @requires(Resource.DATA_OPERATION, Operation.EDIT, description="Cancel an operation; harmless when it has ended.")
    @reported(OperationPayload)
    async def operation_cancel(self, info: Info, id: OperationId) -> OperationPayload | None:
        """Cancel an operation."""
        return OperationPayload(
            operation=shown(await resolve.cancel(info.context.caller, decode_as("DataOperation", id)))
        )

    @requires(
        Resource.DATA_OPERATION,
        Operation.EDIT,
        description="Run an operation again that has ended, and after it all that was computed from its outputs.",
    )
    @reported(OperationPayload)
    async def operation_rerun(self, info: Info, id: OperationId) -> OperationPayload | None:
        """Run an operation again."""
        return OperationPayload(
            operation=shown(await resolve.rerun(info.context.home, info.context.caller, decode_as("DataOperation", id)))
        )

    @requires(Resource.DATA_OPERATION, Operation.DELETE, description="Delete an operation; one that runs is cancelled.")
    @reported(OperationDeletePayload)
    async def operation_delete(self, info: Info, id: OperationId) -> OperationDeletePayload | None:
        """Delete an operation."""
        await resolve.delete(info.context.caller, decode_as("DataOperation", id))
        return OperationDeletePayload(deleted_id=id)

    @requires(
        Resource.DATA_OPERATION,
        Operation.EDIT,
        description="Cancel up to 100 operations, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(OperationsPayload)
    async def operations_cancel(
        self, info: Info, ids: OperationIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> OperationsPayload | None:
        """Cancel many operations."""
        once = bounded(ids)
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        ends = await resolve.cancel_many(info.context.caller, [_key(each) for each in once], all_or_none=rejects)
        return _answers(once, ends, deleted=False)

    @requires(
        Resource.DATA_OPERATION,
        Operation.DELETE,
        description="Delete up to 100 operations, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(OperationsPayload)
    async def operations_delete(
        self, info: Info, ids: OperationIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> OperationsPayload | None:
        """Delete many operations."""
        once = bounded(ids)
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        ends = await resolve.delete_many(info.context.caller, [_key(each) for each in once], all_or_none=rejects)
        return _answers(once, ends, deleted=not (rejects and any(not isinstance(e, table.DataOperation) for e in ends)))
