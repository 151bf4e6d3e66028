"""Data operations as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts.roles import Operation, Resource
from models.data import dataoperations as table
from models.data.dataoperations import DataOperationState
from models.permissions.principal import Principal
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions
from models.services.data.sources.datasession import output_name
from resolvers.data import dataoperations as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.users import User
from schema.context import Context, Info, shown
from schema.data.results import Result, ResultFile, shown_file
from schema.execution.query_cost import Cost
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, EnumFilter, IdFilter, StringFilter, combined, every
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by
from schema.graphql.scalars import BigInt

if TYPE_CHECKING:
    from schema.data.datasessions import Datasession

expose(
    DataOperationState,
    "Where a data operation stands.",
    {
        DataOperationState.QUEUED: "It waits for a worker, for its inputs, or for another attempt.",
        DataOperationState.RUNNING: "It is being computed; `phase` and `fraction` say how far it is.",
        DataOperationState.CANCELLING: "It is being stopped.",
        DataOperationState.CANCELLED: "It was cancelled on request.",
        DataOperationState.SUCCEEDED: "Its result can be read.",
        DataOperationState.FAILED: "It gave no result; `message` says why.",
        DataOperationState.EXPIRED: "Its result was kept long enough; it can be run again.",
    },
)


@strawberry.type(description="One output of an operation: what another operation can take as a file, and its files.")
class DataOperationOutput:
    """Shows an output."""

    index: int = public(description="Its number, from 0.")
    source: str = public(description="`datasession`, as an operation names the output.")
    basename: str = public(description="Its name as an input of another operation, with this source.")
    type: str = public(description="`fits` when another operation can read it, else `image` or `table`.")
    files: list[ResultFile] = public(description="Its files.", directives=[Cost(size=4)])


@strawberry.type(description="What stands for a file of an operation in stored results.")
class InputLabel:
    """Shows a label."""

    label: str = public(description="Its number in the inputs and the start of its SHA-256, as in `0003-ab12cd34ef56`.")
    name: str = public(description="What the file is called in this operation.")


@strawberry.type(description="A computation on the files of a data session.")
class DataOperation(Node):
    """Shows an operation."""

    model = table.DataOperation
    pk: strawberry.Private[int]
    datasession_id: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    result_id: strawberry.Private[int | None]
    input_names: strawberry.Private[dict[str, str]]
    name: str = public(description="Which operation it is, of `availableOperations`.")
    code_version: str = public(description="The version of the code that computes, or computed, it.")
    inputs: JSON = public(description="What it computes from, in canonical form.")
    state: DataOperationState = public(description="Where it stands.")
    phase: str = public(description="What it is doing, in a word.")
    fraction: float = public(description="How far it is, from 0 to 1.")
    message: str = public(description="What it is about, or why it failed, as one sentence; may be empty.")
    log: str = public(description="The last lines that it wrote.")
    named_warnings: list[str] = public(name="warnings", description="What a reader of its result should know.")
    result_key: str | None = public(description="The same for equal science, once its files were read.")
    estimated_bytes: BigInt | None = public(description="The memory that it was reckoned to take at most, in bytes.")
    estimated_seconds: float | None = public(description="The time that it was reckoned to take, in seconds.")
    attempts: int = public(description="How often it was begun.")
    due_at: datetime | None = public(description="When it is tried again; null when nothing holds it back.")
    created_at: datetime = public(description="When it was asked for.")
    started_at: datetime | None = public(description="When it last began.")
    ended_at: datetime | None = public(description="When it ended.")

    datasession: Annotated["Datasession", strawberry.lazy("schema.data.datasessions")] | None = requires(
        Resource.DATASESSION,
        Operation.VIEW,
        description="The data session that it belongs to.",
        **by("datasession_id", "datasessions"),
    )
    creator: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Who asked for it; null when the caller may not know of them.",
        **by("creator_id", "users"),
    )
    needs: list["DataOperation"] | None = requires(
        Resource.DATA_OPERATION,
        Operation.VIEW,
        description="The operations whose outputs it reads; those that the caller may see.",
        **by("pk", "needed_by"),
    )
    result: Result | None = requires(
        Resource.RESULT,
        Operation.VIEW,
        description="What came of it; null while it has not succeeded.",
        **by("result_id", "results", lambda operation, result: result.called(operation.input_names)),
    )

    @public(
        description="What stands for its files in stored results, which others may share; empty before they were read.",
        directives=[Cost(size=20)],
    )
    def input_labels(self) -> list[InputLabel]:
        """Return the labels in the order of the inputs."""
        return [InputLabel(label=label, name=name) for label, name in sorted(self.input_names.items())]

    @public(description="The key of the PhotonRanch Datalab, made of names as well; null unless in the mode datalab.")
    def datalab_key(self) -> str | None:
        """Return the key that the prior system would give it."""
        return resolve.datalab_key(shown(self))

    @requires(Resource.RESULT, Operation.VIEW, description="Its numbers, by name; what is not a number is null.")
    async def output(self, info: Info) -> JSON | None:
        """Return the numbers of the result."""
        key = self.result_id
        found = await info.context.loaders.results.load(key) if key else None
        return shown(found.called(self.input_names).named_data if found else None)

    @requires(Resource.RESULT, Operation.VIEW, description="Its outputs with their files.", directives=[Cost(size=2)])
    async def outputs(self, info: Info) -> list[DataOperationOutput] | None:
        """Return the files of the result by output."""
        key = self.result_id
        found = await info.context.loaders.results.load(key) if key else None
        if found is None:
            return None if key else []
        numbers = sorted({file["index"] for file in found.files})
        return [
            _output(self.pk, number, [shown_file(info, found, f) for f in found.files if f["index"] == number])
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


@strawberry.input(description="Conditions on data operations; all must hold.")
class DataOperationWhere:
    """Conditions."""

    state: EnumFilter[DataOperationState] | None = strawberry.field(description="On the state.", default=None)
    name: StringFilter | None = strawberry.field(description="On which operation it is.", default=None)
    datasession: IdFilter | None = strawberry.field(description="On the data session.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was asked for.", default=None)
    and_: list["DataOperationWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["DataOperationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "DataOperationWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: DataOperationWhere, caller: Principal) -> Q:
    return every(
        where.state.condition("state") if where.state else Q(),
        where.name.condition("name") if where.name else Q(),
        where.datasession.condition("datasession_id", "Datasession", datasessions.readable(caller))
        if where.datasession
        else Q(),
        where.created_at.condition("created_at") if where.created_at else Q(),
    )


def operation_condition(where: DataOperationWhere | None, caller: Principal) -> Q:
    """Return the condition that a `where` stands for."""
    return combined(where, lambda each: _own(each, caller))


class DataOperationColumn(StrEnum):
    """Columns that operations can be sorted by."""

    CREATED_AT = "created_at"
    ENDED_AT = "ended_at"
    NAME = "name"


expose(
    DataOperationColumn,
    "What operations can be sorted by.",
    {
        DataOperationColumn.CREATED_AT: "When it was asked for.",
        DataOperationColumn.ENDED_AT: "When it ended.",
        DataOperationColumn.NAME: "Which operation it is.",
    },
)


@strawberry.input(description="One sort key of operations.")
class DataOperationOrder:
    """A column and a direction."""

    field: DataOperationColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


OperationId = Annotated[strawberry.ID, strawberry.argument(description="The operation.")]
OperationsOrder = Annotated[
    list[DataOperationOrder] | None, strawberry.argument(description="The order; by when it was asked for if not said.")
]
OperationsWhere = Annotated[
    DataOperationWhere | None, strawberry.argument(description="Only those for which all of this holds.")
]


@strawberry.type(description="Reads of data operations.")
class DataOperationQueries:
    """Root fields."""

    @requires(
        Resource.DATA_OPERATION, Operation.VIEW, description="The operations that the caller may see, newest first."
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
        return await connect(rows, sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before))
