"""GraphQL types and root fields of data operations."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import PermissionVerb, Resource
from models.data import dataoperations as table
from models.data.dataoperations import DataOperationState
from resolvers.data import dataoperations as resolve
from resolvers.data import datasessions
from resolvers.paging.keyset import Sort
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.data.results import Result, ResultFile, result_file
from schema.execution.query_cost import Cost
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import (
    DateTimeFilter,
    EnumFilter,
    IdFilter,
    StringFilter,
    Where,
    filter_by,
    filter_by_id,
    where_input,
)
from schema.graphql.list_definition import ListDefinition
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
        return [
            DataOperationOutput(
                index=output.index,
                source="datasession",
                basename=output.basename,
                type=output.type,
                files=[result_file(info, result, file) for file in output.files],
            )
            for output in resolve.list_outputs(as_graphql(self), result)
        ]


readers.register_rows("DataOperation", resolve.reader)


@where_input("data operations")
class DataOperationWhere(Where):
    """Conditions."""

    state: EnumFilter[DataOperationState] | None = filter_by("Filter by state.")
    name: StringFilter | None = filter_by("Filter by operation name.")
    datasession: IdFilter | None = filter_by_id("Filter by data session.", "Datasession", datasessions.reader.rows)
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


DATA_OPERATIONS = ListDefinition(
    DataOperation,
    DataOperationWhere,
    resolve.reader.rows,
    {"created_at": "The creation time.", "ended_at": "The end time.", "name": "The name of the operation."},
    Sort("id", descending=True),
    plural="operations",
    default_text="by creation time, newest first",
)
OperationId = Annotated[strawberry.ID, strawberry.argument(description="The operation.")]


@strawberry.type(description="Queries for data operations.")
class DataOperationQueries:
    """Root fields."""

    operations = DATA_OPERATIONS.field(
        Resource.DATA_OPERATION, description="The operations that the caller can see, newest first."
    )
