"""GraphQL types and root fields of data operations."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts.roles import PermissionVerb, Resource
from models.data import dataoperations as table
from models.data.dataoperations import DataOperationState
from models.permissions.principal import Principal
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions
from models.services.data.sources.datasession import output_name
from resolvers.data import dataoperations as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.users import User
from schema.context import Context, Info, as_graphql
from schema.data.results import Result, ResultFile, result_file
from schema.execution.query_cost import Cost
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, IdFilter, StringFilter, all_of, where_condition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.graphql.scalars import BigInt

if TYPE_CHECKING:
    from schema.data.datasessions import Datasession

graphql_enum(
    DataOperationState,
    "The state of a data operation.",
    {
        DataOperationState.QUEUED: "The operation waits for a worker, its inputs or a retry.",
        DataOperationState.RUNNING: "The operation is being computed. See `phase` and `fraction`.",
        DataOperationState.CANCELLING: "The operation is being cancelled.",
        DataOperationState.CANCELLED: "The operation was cancelled on request.",
        DataOperationState.SUCCEEDED: "The operation succeeded and its result can be read.",
        DataOperationState.FAILED: "The operation failed. See `message`.",
        DataOperationState.EXPIRED: "The result was deleted after its retention time. The operation can be run again.",
    },
)


@strawberry.type(description="An output of an operation with its files. Other operations can use it as an input file.")
class DataOperationOutput:
    """The GraphQL type of an output."""

    index: int = public(description="The index of the output, from 0.")
    source: str = public(description="The source that an operation input uses for this output: `datasession`.")
    basename: str = public(description="The basename that an operation input uses for this output.")
    type: str = public(description="`fits` if other operations can read it, otherwise `image` or `table`.")
    files: list[ResultFile] = public(description="The files.", directives=[Cost(size=4)])


@strawberry.type(description="A label that replaces a file name of an operation in stored results.")
class InputLabel:
    """The GraphQL type of a label."""

    label: str = public(
        description="The number of the input and the start of its SHA-256, for example `0003-ab12cd34ef56`."
    )
    name: str = public(description="The name of the file in this operation.")


@strawberry.type(description="A computation on the files of a data session.")
class DataOperation(Node):
    """The GraphQL type of an operation."""

    model = table.DataOperation
    pk: strawberry.Private[int]
    datasession_id: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    result_id: strawberry.Private[int | None]
    input_names: strawberry.Private[dict[str, str]]
    name: str = public(description="The name of the operation, as in `availableOperations`.")
    code_version: str = public(description="The version of the operation's code.")
    inputs: JSON = public(description="The inputs in canonical form.")
    state: DataOperationState = public(description="The state.")
    phase: str = public(description="The current phase.")
    fraction: float = public(description="The progress, from 0 to 1.")
    message: str = public(description="The current status or the reason of a failure, as a sentence. May be empty.")
    log: str = public(description="The last lines of the log.")
    warnings_with_names: list[str] = public(name="warnings", description="Warnings about the result.")
    result_key: str | None = public(
        description="The key of the result. Equal inputs and code have the same key. "
        "Null until the input files were read."
    )
    estimated_bytes: BigInt | None = public(description="The estimated peak memory in bytes.")
    estimated_seconds: float | None = public(description="The estimated duration in seconds.")
    attempts: int = public(description="The number of attempts.")
    due_at: datetime | None = public(description="The time of the next attempt. Null if none is scheduled.")
    created_at: datetime = public(description="The creation time.")
    started_at: datetime | None = public(description="The start time of the last attempt.")
    ended_at: datetime | None = public(description="The end time.")

    datasession: Annotated["Datasession", strawberry.lazy("schema.data.datasessions")] | None = requires(
        Resource.DATASESSION,
        PermissionVerb.VIEW,
        description="The data session of the operation.",
        **loaded_by("datasession_id", "datasessions"),
    )
    creator: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The creator. Null if the caller cannot see this user.",
        **loaded_by("creator_id", "users"),
    )
    needs: list["DataOperation"] | None = requires(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="The operations whose outputs it reads, as far as the caller can see them.",
        **loaded_by("pk", "needed_by"),
    )
    result: Result | None = requires(
        Resource.RESULT,
        PermissionVerb.VIEW,
        description="The result. Null unless the operation succeeded.",
        **loaded_by("result_id", "results", lambda operation, result: result.with_input_names(operation.input_names)),
    )

    @public(
        description="The labels that replace its file names in stored results, which other users may share. "
        "Empty until the files were read.",
        directives=[Cost(size=20)],
    )
    def input_labels(self) -> list[InputLabel]:
        """Return the labels in the order of the inputs."""
        return [InputLabel(label=label, name=name) for label, name in sorted(self.input_names.items())]

    @public(
        description="The result key of the PhotonRanch Datalab, which includes file names. "
        "Null unless the datalab mode is on."
    )
    def datalab_key(self) -> str | None:
        """Return the key that the prior system would compute."""
        return resolve.datalab_key(as_graphql(self))

    @requires(
        Resource.RESULT,
        PermissionVerb.VIEW,
        description="The numeric results by name. NaN and infinite values are null.",
    )
    async def output(self, info: Info) -> JSON | None:
        """Return the numbers of the result."""
        key = self.result_id
        result = await info.context.loaders.results.load(key) if key else None
        return as_graphql(result.with_input_names(self.input_names).data_with_names if result else None)

    @requires(
        Resource.RESULT, PermissionVerb.VIEW, description="The outputs with their files.", directives=[Cost(size=2)]
    )
    async def outputs(self, info: Info) -> list[DataOperationOutput] | None:
        """Return the files of the result by output."""
        key = self.result_id
        result = await info.context.loaders.results.load(key) if key else None
        if result is None:
            return None if key else []
        numbers = sorted({file["index"] for file in result.files})
        return [
            _output(self.pk, number, [result_file(info, result, f) for f in result.files if f["index"] == number])
            for number in numbers
        ]


def _output(operation_id: int, index: int, files: list[ResultFile]) -> DataOperationOutput:
    kinds = {file.kind for file in files}
    kind = "fits" if "fits" in kinds else "table" if kinds == {"table"} else "image"
    return DataOperationOutput(
        index=index, source="datasession", basename=output_name(operation_id, index), type=kind, files=files
    )


@readers.register("DataOperation")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.DataOperation]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.input(description="Conditions on data operations. All must be true.")
class DataOperationWhere:
    """Conditions."""

    state: EnumFilter[DataOperationState] | None = strawberry.field(description="Filter by state.", default=None)
    name: StringFilter | None = strawberry.field(description="Filter by operation name.", default=None)
    datasession: IdFilter | None = strawberry.field(description="Filter by data session.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    and_: list["DataOperationWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["DataOperationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "DataOperationWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: DataOperationWhere, caller: Principal) -> Q:
    return all_of(
        where.state.condition("state") if where.state else Q(),
        where.name.condition("name") if where.name else Q(),
        where.datasession.condition("datasession_id", "Datasession", datasessions.readable(caller))
        if where.datasession
        else Q(),
        where.created_at.condition("created_at") if where.created_at else Q(),
    )


def operation_condition(where: DataOperationWhere | None, caller: Principal) -> Q:
    """Return the condition of `where`, limited to objects the caller can see."""
    return where_condition(where, lambda each: _own_condition(each, caller))


class DataOperationColumn(StrEnum):
    """Columns that operations can be sorted by."""

    CREATED_AT = "created_at"
    ENDED_AT = "ended_at"
    NAME = "name"


graphql_enum(
    DataOperationColumn,
    "The columns that operations can be sorted by.",
    {
        DataOperationColumn.CREATED_AT: "The creation time.",
        DataOperationColumn.ENDED_AT: "The end time.",
        DataOperationColumn.NAME: "The name of the operation.",
    },
)


@strawberry.input(description="A sort key for operations.")
class DataOperationOrder:
    """A column and a direction."""

    field: DataOperationColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.DESC)


OperationId = Annotated[strawberry.ID, strawberry.argument(description="The operation.")]
OperationsOrder = Annotated[
    list[DataOperationOrder] | None,
    strawberry.argument(description="The sort order. The default is by creation time, newest first."),
]
OperationsWhere = Annotated[
    DataOperationWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]


@strawberry.type(description="Queries for data operations.")
class DataOperationQueries:
    """Root fields."""

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="The operations that the caller can see, newest first.",
    )
    async def operations(
        self,
        info: Info,
        where: OperationsWhere = None,
        order_by: OperationsOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[DataOperation] | None:
        """Return one page."""
        caller = info.context.caller
        rows = policy.readable(caller).filter(operation_condition(where, caller))
        return await connect(rows, sort_keys(order_by, Sort("id", descending=True)), Window(first, after, last, before))
