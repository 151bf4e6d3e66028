"""Answer what is asked of data operations."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from core.errors import BadInput, Forbidden, NotFound
from models.data.dataoperations import DataOperation
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions as datasession_policy
from models.services.data import dataoperations, operation_dependencies
from models.services.data.sources.source import Asker
from operations.framework.inputs import FilesInput
from operations.framework.keys import datalab_key_of
from operations.framework.operation import BaseDataOperation
from operations.framework.registry import available, find
from operations.framework.validation import validate
from resolvers.app_state import House
from resolvers.guards import require, visible

INPUTS = "inputs"
INPUT_CHARACTERS = 512 * 1024


async def create(house: House, principal: Principal, datasession_id: int, name: str, raw: object) -> DataOperation:
    """Queue an operation whose name, inputs and files have been found to be good."""
    datasession = await visible(datasession_policy.readable(principal), datasession_id)
    await require(principal, Action.OPERATION_CREATE, datasession)
    kind = await asyncio.to_thread(find, name)  # The first look imports the science libraries.
    files = Files(house, Asker(principal, datasession))
    inputs = files.ordered(kind, _validated(kind, await files.admitted(kind, raw)))
    return await dataoperations.create(
        datasession,
        kind.name,
        str(kind.version),
        inputs,
        needs=files.needs,
        uploads=files.uploads,
        most=house.settings.data_operations_per_user,
        actor=Actor.of(principal),
    )


class Files:
    """The files of one operation's inputs, each asked of its source; gathers what they need and keep."""

    def __init__(self, house: House, asker: Asker) -> None:
        """Ask with the rights of `asker`."""
        self._house, self._asker = house, asker
        self.needs: set[int] = set()
        self.uploads: set[int] = set()
        self._places: dict[tuple[str, str], str] = {}

    async def admitted(self, kind: type[BaseDataOperation], raw: object) -> object:
        """Return the inputs with every file in the form that is kept; what is no file is left to the operation."""
        if not isinstance(raw, Mapping):
            return raw
        known = _files_of(kind)
        return {key: await self._list(key, value) if key in known else value for key, value in raw.items()}

    def ordered(self, kind: type[BaseDataOperation], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return canonical inputs with the files of each list in their running order, that of their places."""
        known = _files_of(kind)
        return {key: sorted(value, key=self._place) if key in known else value for key, value in inputs.items()}

    def _place(self, item: Mapping[str, Any]) -> str:
        basename = str(item["basename"])
        return self._places.get((item["source"], basename), basename)

    async def _list(self, key: str, value: object) -> object:
        if not isinstance(value, Sequence) or isinstance(value, str):
            return value
        return [await self._one(item, (INPUTS, key, str(at))) for at, item in enumerate(value)]

    async def _one(self, item: object, path: tuple[str, ...]) -> object:
        if not isinstance(item, Mapping):
            return item
        found = await self._house.sources.admit(item, self._asker, path)
        self.needs |= found.needs
        self.uploads |= found.uploads
        self._places[str(item.get("source")), found.basename] = found.place or found.basename
        return {**item, "basename": found.basename}


def _files_of(kind: type[BaseDataOperation]) -> set[str]:
    return {key for key, given in kind.inputs.items() if isinstance(given, FilesInput)}


def _validated(kind: type[BaseDataOperation], raw: object) -> dict[str, Any]:
    try:
        inputs = validate(kind, raw)
    except BadInput as refusal:
        raise BadInput(refusal.message, path=(INPUTS, *refusal.path)) from refusal
    text = orjson.dumps(inputs).decode()
    if "\\u0000" in text or len(text) > INPUT_CHARACTERS:
        raise BadInput(f"The inputs have no zero bytes, and at most {INPUT_CHARACTERS} characters.", path=(INPUTS,))
    return inputs


async def known() -> Mapping[str, type[BaseDataOperation]]:
    """Return every operation that there is, by its name; the first call takes a moment, and blocks nobody."""
    return await asyncio.to_thread(available)


def datalab_key(operation: DataOperation) -> str | None:
    """Return the key that the prior system would give the operation; None unless it has that system's numbers."""
    return datalab_key_of(operation.name, operation.inputs)


async def cancel(principal: Principal, key: int) -> DataOperation:
    """Cancel an operation; it ends within seconds."""
    operation = await visible(policy.readable(principal), key)
    await require(principal, Action.OPERATION_CANCEL, operation)
    await dataoperations.request_cancel(operation, actor=Actor.of(principal))
    return operation


async def rerun(house: House, principal: Principal, key: int) -> DataOperation:
    """Run an operation again, and then what was computed from it, as far as the caller may."""
    operation = await visible(policy.readable(principal), key)
    await require(principal, Action.OPERATION_RERUN, operation)
    below = [row.id for row in await operation_dependencies.downstream(operation)]
    rows = await policy.editable(principal).filter(id__in=below).order_by("id")
    versions = {name: str(kind.version) for name, kind in (await known()).items()}
    most = house.settings.data_operations_per_user
    await dataoperations.rerun(operation, rows, versions, most=most, actor=Actor.of(principal))
    return operation


async def delete(principal: Principal, key: int) -> None:
    """Delete an operation; one that runs ends."""
    operation = await visible(policy.readable(principal), key)
    await require(principal, Action.OPERATION_DELETE, operation)
    await dataoperations.delete(operation, actor=Actor.of(principal))


Done = DataOperation | NotFound | Forbidden
"""What became of one of many: the operation as it is now or was, or why nothing was done to it."""


async def cancel_many(principal: Principal, keys: Sequence[int | NotFound], *, all_or_none: bool) -> list[Done]:
    """Cancel those that the principal may cancel, or with `all_or_none` only if it may cancel every one."""
    return await _many(principal, keys, Action.OPERATION_CANCEL, dataoperations.request_cancel, all_or_none)


async def delete_many(principal: Principal, keys: Sequence[int | NotFound], *, all_or_none: bool) -> list[Done]:
    """Delete those that the principal may delete, or with `all_or_none` only if it may delete every one."""
    return await _many(principal, keys, Action.OPERATION_DELETE, dataoperations.delete, all_or_none)


async def _many(
    principal: Principal,
    keys: Sequence[int | NotFound],
    action: Action,
    act: Callable[..., Awaitable[None]],
    all_or_none: bool,
) -> list[Done]:
    asked = [key for key in keys if isinstance(key, int)]
    rows = {row.id: row for row in await policy.readable(principal).filter(id__in=asked)}
    judged = [key if isinstance(key, NotFound) else await _able(principal, action, rows.get(key)) for key in keys]
    able = [each for each in judged if isinstance(each, DataOperation)]
    if all_or_none and len(able) < len(judged):
        return judged
    for operation in sorted(able, key=lambda row: row.id):
        await act(operation, actor=Actor.of(principal))
    return judged


async def _able(principal: Principal, action: Action, operation: DataOperation | None) -> Done:
    if operation is None:
        return NotFound("There is no such operation, or you may not see it.")
    try:
        await require(principal, action, operation)
    except Forbidden as refusal:
        return refusal
    return operation
