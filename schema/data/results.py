"""Results of data operations as clients see them, and links to their files."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import Operation, Resource
from models.data import results as table
from models.data.results import ResultState, StoredFile
from models.policies.data import results as policy
from resolvers.data import results as resolve
from schema.context import Context, Info
from schema.execution.query_cost import Cost
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.node import Node, decode_as, encode, readers
from schema.graphql.permissions import public, requires
from schema.graphql.scalars import BigInt

expose(
    ResultState,
    "Where a result stands.",
    {
        ResultState.MAKING: "It is being computed.",
        ResultState.READY: "Its files can be read.",
        ResultState.RELEASED: "Nobody has it any more; its files are being removed.",
    },
)


@strawberry.type(description="One file of a result.")
class ResultFile:
    """Shows a file."""

    name: str = public(description="Its name, unique in the result.")
    index: int = public(description="The output that it belongs to, from 0.")
    kind: str = public(description="What it is for: fits, large, small, png, tif, table, diagnostic.")
    content_type: str = public(description="Its media type.")
    size_bytes: BigInt = public(description="Its size in bytes.")
    sha256: str = public(description="The SHA-256 of its bytes, in hexadecimal.")
    url: str = public(
        description="Where it is read with one's own token or browser; `resultOpen` gives links without either."
    )


def shown_file(info: Info, result: table.Result, file: StoredFile) -> ResultFile:
    """Return a stored file as clients see it."""
    return ResultFile(
        name=file["name"],
        index=file["index"],
        kind=file["kind"],
        content_type=file["content_type"],
        size_bytes=BigInt(file["size"]),
        sha256=file["sha256"],
        url=resolve.address(info.context.home, encode("Result", result.id), file["name"]),
    )


@strawberry.type(description="What one computation gave, however many operations have it.")
class Result(Node):
    """Shows a result."""

    model = table.Result
    state: ResultState = public(description="Where it stands.")
    key: str = public(description="The same for equal science: operation, code version, inputs by content.")
    named_data: JSON | None = public(
        name="data",
        description="Its numbers, by name; what is not a number is null. Of an operation, with the names of its files.",
    )
    created_at: datetime = public(description="When its computation began.")
    ready_at: datetime | None = public(description="When it was ready.")

    @public(description="Its files.", directives=[Cost(size=8)])
    def files(self, info: Info) -> list[ResultFile]:
        """Return the files."""
        return [shown_file(info, self, file) for file in self.files]  # type: ignore[arg-type]


@readers.register("Result")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Result]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.type(description="A link to one file, good for minutes, for the one who asked for it.")
class ResultLink:
    """Shows a link."""

    name: str = public(description="The file's name.")
    url: str = public(description="Reads the file without a token; it is a secret.")
    expires_at: datetime = public(description="When it ends.")


@strawberry.type(description="The answer to resultOpen.")
class ResultOpenPayload(Payload):
    """Links."""

    links: list[ResultLink] = public(
        description="One link for each file.", default_factory=list, directives=[Cost(size=20)]
    )


ResultId = Annotated[strawberry.ID, strawberry.argument(description="The result.")]
Names = Annotated[list[str] | None, strawberry.argument(description="The files' names; all of them if not said.")]


@strawberry.type(description="Changes around results.")
class ResultMutations:
    """Root fields."""

    @requires(
        Resource.RESULT,
        Operation.VIEW,
        description="Get links that read files of a result for ten minutes; it is written into the history.",
    )
    @reported(ResultOpenPayload)
    async def result_open(self, info: Info, id: ResultId, names: Names = None) -> ResultOpenPayload | None:
        """Mint links."""
        found = await resolve.open_links(info.context.home, info.context.caller, decode_as("Result", id), names, id)
        return ResultOpenPayload(
            links=[ResultLink(name=link.name, url=link.url, expires_at=link.expires_at) for link in found]
        )
