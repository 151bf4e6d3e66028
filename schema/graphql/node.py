"""Opaque global IDs: the interface `Node`, and the root fields that read any node by its ID."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import strawberry
from strawberry.types.info import Info

from core.errors import BadInput, NotFound
from core.security import global_ids
from resolvers.row_reader import RowReader
from schema.execution.field_readers import FIELD_READER
from schema.graphql.permissions import public

MAX_NODES = 100
"""The maximum number of IDs of `nodes(ids:)`."""

MAX_KEYS = {"HistoryEntry": 2**63 - 1}
"""The largest primary key of tables whose keys are not 32-bit integers. Larger values are invalid IDs."""

Reader = Callable[[Any, Sequence[int]], Awaitable[Mapping[int, Any]]]
"""Reads rows by primary key with the permissions of the context's caller. Rows the caller cannot see are absent."""


class UnknownId(NotFound):
    """The object does not exist, or you cannot see it."""

    def __init__(self, message: str | None = None, *, path: tuple[str, ...] = ()) -> None:
        """Create the error with `message` for the argument at `path`."""
        super().__init__(message)
        self.path = path


def encode(kind: str, pk: int) -> strawberry.ID:
    """Return the opaque ID of the object of type `kind` with the primary key `pk`."""
    return strawberry.ID(global_ids.encode(kind, pk))


def decode(text: str) -> tuple[str, int]:
    """Return the type and primary key of an ID made by `encode`; NOT_FOUND for any other text."""
    decoded = global_ids.decode(text)
    if decoded is None or decoded[1] > MAX_KEYS.get(decoded[0], 2**31 - 1):
        raise UnknownId
    return decoded


def decode_as(kind: str, text: str, *, path: tuple[str, ...] = ("id",)) -> int:
    """Return the primary key of the ID of a `kind`; NOT_FOUND at `path` for anything else."""
    try:
        decoded_kind, pk = decode(text)
    except UnknownId:
        decoded_kind, pk = "", 0
    if decoded_kind != kind:
        raise UnknownId(f"This is not the ID of a {kind} that you can see.", path=path)
    return pk


@strawberry.interface(description="An object with a global ID.")
class Node:
    """An object with an ID. A subclass names the `model` whose rows its resolvers return."""

    model: ClassVar[type[Any] | None] = None

    @public(
        description="The opaque global ID. Read the object again with `node(id:)`.",
        metadata={FIELD_READER: lambda kind: lambda row: encode(kind, row.pk)},
    )
    def id(self, info: Info) -> strawberry.ID:
        """Return the ID, made of the type's name and the row's primary key."""
        return encode(info._raw_info.parent_type.name, self.pk)  # type: ignore[attr-defined]

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        """Return whether `obj` belongs to this type: an instance of it, or a row of its model."""
        return isinstance(obj, cls) or (cls.model is not None and isinstance(obj, cls.model))


class NodeReaders:
    """The registry of the functions that read the rows of a type by primary key."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}

    def register(self, kind: str) -> Callable[[Reader], Reader]:
        """Decorate the function that reads rows of type `kind`."""

        def decorate(reader: Reader) -> Reader:
            self._readers[kind] = reader
            return reader

        return decorate

    def register_rows(self, kind: str, rows: RowReader[Any]) -> None:
        """Read rows of type `kind` with this reader."""
        self._readers[kind] = lambda context, pks: rows.read_many(context.caller, pks)

    async def read(self, context: Any, ids: Sequence[str]) -> list[Any]:
        """Return the object of each ID, or None, in order. Each type is read once."""
        keys = [self._key(text) for text in ids]
        pks_by_kind: dict[str, set[int]] = defaultdict(set)
        for key in keys:
            if key:
                pks_by_kind[key[0]].add(key[1])
        rows = {kind: await self._readers[kind](context, sorted(pks)) for kind, pks in pks_by_kind.items()}
        return [rows[key[0]].get(key[1]) if key else None for key in keys]

    def _key(self, text: str) -> tuple[str, int] | None:
        try:
            kind, pk = decode(text)
        except UnknownId:
            return None
        return (kind, pk) if kind in self._readers else None


readers = NodeReaders()
"""The readers of this process. Each module registers its types."""


@strawberry.type
class NodeQueries:
    """The root fields `node` and `nodes`; the root query inherits them."""

    @public(description="The object with this ID. Null if it does not exist or the caller cannot see it.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global ID.")],
    ) -> Node | None:
        """Read one object by its ID."""
        row: Node | None = (await readers.read(info.context, [id]))[0]
        return row

    @public(
        description=f"The objects with these IDs, at most {MAX_NODES}, in the given order. "
        "Null for each that the caller cannot see."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The global IDs, of any types.")],
    ) -> list[Node | None]:
        """Read many objects by their IDs."""
        if len(ids) > MAX_NODES:
            raise BadInput(f"Send at most {MAX_NODES} IDs at once; you sent {len(ids)}.", path=("ids",))
        return await readers.read(info.context, ids)
