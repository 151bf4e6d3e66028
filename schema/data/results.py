"""GraphQL types of results of data operations, and the mutation that creates links to their files."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from models.data import results as table
from models.data.results import ResultState, StoredFile
from resolvers.data import results as resolve
from schema.context import Info
from schema.execution.query_cost import Cost
from schema.graphql.enums import graphql_enum
from schema.graphql.node import Node, encode, readers
from schema.graphql.permissions import public
from schema.graphql.scalars import BigInt

graphql_enum(
    ResultState,
    "The state of a result.",
    {
        ResultState.MAKING: "The result is being computed.",
        ResultState.READY: "The files can be read.",
        ResultState.RELEASED: "No operation refers to the result. Its files are being deleted.",
    },
)


@strawberry.type(description="A file of a result.")
class ResultFile:
    """The GraphQL type of a file."""

    name: str = public(description="The name, unique in the result.")
    index: int = public(description="The index of the output that it belongs to, from 0.")
    kind: str = public(description="The kind of file: fits, large, small, png, tif, table or diagnostic.")
    content_type: str = public(description="The media type.")
    size_bytes: BigInt = public(description="The size in bytes.")
    sha256: str = public(description="The SHA-256 of the content, in hexadecimal.")
    url: str = public(
        description="The URL of the file, which requires a token or a browser session. "
        "`resultOpen` creates links that need neither."
    )


def result_file(info: Info, result: table.Result, file: StoredFile) -> ResultFile:
    """Return the GraphQL type of a stored file."""
    return ResultFile(
        name=file["name"],
        index=file["index"],
        kind=file["kind"],
        content_type=file["content_type"],
        size_bytes=BigInt(file["size"]),
        sha256=file["sha256"],
        url=resolve.file_url(info.context.app_state, encode("Result", result.id), file["name"]),
    )


@strawberry.type(description="The result of a computation. Operations with equal inputs share it.")
class Result(Node):
    """The GraphQL type of a result."""

    model = table.Result
    state: ResultState = public(description="The state.")
    key: str = public(
        description="The key of the result. It depends on the operation, the code version and the content of the "
        "inputs."
    )
    data_with_names: JSON | None = public(
        name="data",
        description="The numeric results by name. NaN and infinite values are null. "
        "File names are those of the operation.",
    )
    created_at: datetime = public(description="The time when the computation started.")
    ready_at: datetime | None = public(description="The time when the result became ready.")

    @public(description="The files.", directives=[Cost(size=8)])
    def files(self, info: Info) -> list[ResultFile]:
        """Return the files."""
        return [result_file(info, self, file) for file in self.files]  # type: ignore[arg-type]


readers.register_rows("Result", resolve.reader)
