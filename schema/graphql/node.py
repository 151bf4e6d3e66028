"""Opaque global ids: one codec, one interface `Node`, and the root fields that read any node by its id."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import strawberry
from strawberry.types.info import Info

from core.errors import BadInput, NotFound
from core.security import global_ids
from schema.execution.field_readers import LANE
from schema.graphql.permissions import public

MOST_NODES = 100
"""How many nodes one `nodes(ids:)` reads at most."""

LARGEST = {"HistoryEntry": 2**63 - 1}
"""The largest primary key of tables whose keys are not ordinary integers; a larger one is no key at all."""

Reader = Callable[[Any, Sequence[int]], Awaitable[Mapping[int, Any]]]
"""Reads rows by primary key with the rights of the context's caller; what may not be seen is absent."""


class UnknownId(NotFound):
    """There is no such thing, or you may not see it."""

    def __init__(self, message: str | None = None, *, path: tuple[str, ...] = ()) -> None:
        """Say `message` about the argument at `path`."""
        super().__init__(message)
        self.path = path


def encode(kind: str, pk: int) -> strawberry.ID:
    """Return the opaque id of the object of type `kind` with the primary key `pk`."""
    return strawberry.ID(global_ids.encode(kind, pk))


def decode(text: str) -> tuple[str, int]:
    """Return type and primary key of an id that `encode` made; NOT_FOUND for any other text."""
    found = global_ids.decode(text)
    if found is None or found[1] > LARGEST.get(found[0], 2**31 - 1):
        raise UnknownId
    return found


def decode_as(kind: str, text: str, *, path: tuple[str, ...] = ("id",)) -> int:
    """Return the primary key in the id of a `kind`; NOT_FOUND at `path` for anything else."""
    try:
        found, pk = decode(text)
    except UnknownId:
        found, pk = "", 0
    if found != kind:
        raise UnknownId(f"This is not the id of any {kind} that you can see.", path=path)
    return pk


@strawberry.interface(description="An object that has a global id.")
class Node:
    """An object with an id; a subclass names the `model` whose rows it shows, and rows may be returned as they are."""

    model: ClassVar[type[Any] | None] = None

    @public(
        description="The opaque id of the object, unique among all objects; read it again with `node(id:)`.",
        metadata={LANE: lambda kind: lambda row: encode(kind, row.pk)},
    )
    def id(self, info: Info) -> strawberry.ID:
        """Return the id made of the type's name and the row's primary key."""
        return encode(info._raw_info.parent_type.name, self.pk)  # type: ignore[attr-defined]

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        """Say whether `obj` is shown by this type: an instance of it, or a row of its model."""
        return isinstance(obj, cls) or (cls.model is not None and isinstance(obj, cls.model))


class NodeReaders:
    """Knows for each type how its rows are read by primary key."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}

    def register(self, kind: str) -> Callable[[Reader], Reader]:
        """Decorate the function that reads rows of type `kind`."""

        def keep(reader: Reader) -> Reader:
            self._readers[kind] = reader
            return reader

        return keep

    async def read(self, context: Any, ids: Sequence[str]) -> list[Any]:
        """Return the object of each id, or None, in order; one read for each type among them."""
        keys = [self._key(text) for text in ids]
        wanted: dict[str, set[int]] = defaultdict(set)
        for key in keys:
            if key:
                wanted[key[0]].add(key[1])
        found = {kind: await self._readers[kind](context, sorted(pks)) for kind, pks in wanted.items()}
        return [found[key[0]].get(key[1]) if key else None for key in keys]

    def _key(self, text: str) -> tuple[str, int] | None:
        try:
            kind, pk = decode(text)
        except UnknownId:
            return None
        return (kind, pk) if kind in self._readers else None


readers = NodeReaders()
"""The readers of this process; each noun registers its own."""


@strawberry.type
class NodeQueries:
    """The root fields `node` and `nodes`; the root query inherits them."""

    @public(description="The object with this id; null when there is none or the caller may not see it.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The object's global id.")],
    ) -> Node | None:
        """Read one object by its id."""
        found: Node | None = (await readers.read(info.context, [id]))[0]
        return found

    @public(description="The objects with these ids, in their order, at most 100; null for each that cannot be seen.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids, of any types.")],
    ) -> list[Node | None]:
        """Read many objects by their ids."""
        if len(ids) > MOST_NODES:
            raise BadInput(f"At most {MOST_NODES} ids at once; you sent {len(ids)}.", path=("ids",))
        return await readers.read(info.context, ids)
