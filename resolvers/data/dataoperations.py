"""Resolvers of data operations: create, rerun, cancel and delete. They resolve input files in their sources."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import BadInput, Forbidden, NotFound
from models.data.dataoperations import DataOperation
from models.data.results import Result, StoredFile
from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions as datasession_policy
from models.services.data import dataoperations, operation_queue
from models.services.data.sources.datasession import output_name
from models.services.data.sources.source import FileRequester
from operations.framework.inputs import FilesInput
from operations.framework.keys import datalab_key_for_inputs
from operations.framework.operation import BaseDataOperation
from operations.framework.registry import available, find
from operations.framework.validation import validate
from resolvers.app_state import AppState
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

INPUTS_FIELD = "inputs"
MAX_INPUT_CHARACTERS = 512 * 1024

reader = RowReader(policy.readable)


async def create(
    app_state: AppState, principal: Principal, datasession_id: int, name: str, raw: object
) -> DataOperation:
    """Validate the name, inputs and files of an operation, and queue it."""
    datasession = await visible(datasession_policy.readable(principal), datasession_id)
    await require(principal, Action.OPERATION_CREATE, datasession)
    kind = await asyncio.to_thread(find, name)  # The first call imports the science libraries.
    files = InputFileResolver(app_state, FileRequester(principal, datasession))
    inputs = files.ordered(kind, _validated(kind, await files.resolve(kind, raw)))
    return await dataoperations.create(
        datasession,
        kind.name,
        str(kind.version),
        inputs,
        depends_on=files.operation_ids,
        upload_ids=files.upload_ids,
        max_pending=app_state.settings.data_operations_per_user,
        actor=Actor.from_principal(principal),
    )


class InputFileResolver:
    """Resolves the files of one operation's inputs, and collects the operations and uploads that they refer to."""

    def __init__(self, app_state: AppState, requester: FileRequester) -> None:
        """Resolve files with the permissions of `requester`."""
        self._app_state, self._requester = app_state, requester
        self.operation_ids: set[int] = set()
        self.upload_ids: set[int] = set()
        self._sort_keys: dict[tuple[str, str], str] = {}

    async def resolve(self, kind: type[BaseDataOperation], raw: object) -> object:
        """Return the inputs with every file in its stored form. `validate` checks all other values later."""
        if not isinstance(raw, Mapping):
            return raw
        file_inputs = _file_inputs(kind)
        return {
            key: await self._resolve_list(key, value) if key in file_inputs else value for key, value in raw.items()
        }

    def ordered(self, kind: type[BaseDataOperation], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return canonical inputs with the files of each list ordered by their sort keys."""
        file_inputs = _file_inputs(kind)
        return {
            key: sorted(value, key=self._sort_key) if key in file_inputs else value for key, value in inputs.items()
        }

    def _sort_key(self, item: Mapping[str, Any]) -> str:
        basename = str(item["basename"])
        return self._sort_keys.get((item["source"], basename), basename)

    async def _resolve_list(self, key: str, value: object) -> object:
        if not isinstance(value, Sequence) or isinstance(value, str):
            return value
        return [await self._resolve_item(item, (INPUTS_FIELD, key, str(index))) for index, item in enumerate(value)]

    async def _resolve_item(self, item: object, path: tuple[str, ...]) -> object:
        if not isinstance(item, Mapping):
            return item
        file = await self._app_state.sources.resolve(item, self._requester, path)
        self.operation_ids |= file.operation_ids
        self.upload_ids |= file.upload_ids
        self._sort_keys[str(item.get("source")), file.basename] = file.sort_key or file.basename
        return {**item, "basename": file.basename}


def _file_inputs(kind: type[BaseDataOperation]) -> set[str]:
    return {key for key, parameter in kind.inputs.items() if isinstance(parameter, FilesInput)}


def _validated(kind: type[BaseDataOperation], raw: object) -> dict[str, Any]:
    try:
        inputs = validate(kind, raw)
    except BadInput as error:
        raise BadInput(error.message, path=(INPUTS_FIELD, *error.path)) from error
    text = orjson.dumps(inputs).decode()
    if "\\u0000" in text or len(text) > MAX_INPUT_CHARACTERS:
        raise BadInput(
            f"The inputs can have at most {MAX_INPUT_CHARACTERS} characters as JSON, and no zero bytes.",
            path=(INPUTS_FIELD,),
        )
    return inputs


async def list_operations() -> Mapping[str, type[BaseDataOperation]]:
    """Return every operation type by its name."""
    # The first call imports the science libraries, which would block the event loop.
    return await asyncio.to_thread(available)


def datalab_key(operation: DataOperation) -> str | None:
    """Return the result key of the PhotonRanch Datalab; None if the operation cannot reproduce its numbers."""
    return datalab_key_for_inputs(operation.name, operation.inputs)


async def cancel(principal: Principal, key: int) -> DataOperation:
    """Request the cancellation of an operation."""
    operation = await visible(policy.readable(principal), key)
    await require(principal, Action.OPERATION_CANCEL, operation)
    await dataoperations.request_cancel(operation, actor=Actor.from_principal(principal))
    return operation


async def rerun(app_state: AppState, principal: Principal, key: int) -> DataOperation:
    """Run an operation again, and then its dependents that the caller can edit."""
    operation = await visible(policy.readable(principal), key)
    await require(principal, Action.OPERATION_RERUN, operation)
    downstream_ids = [row.id for row in await operation_queue.downstream(operation)]
    rows = await policy.editable(principal).filter(id__in=downstream_ids).order_by("id")
    versions = {name: str(kind.version) for name, kind in (await list_operations()).items()}
    limit = app_state.settings.data_operations_per_user
    await dataoperations.rerun(operation, rows, versions, max_pending=limit, actor=Actor.from_principal(principal))
    return operation


async def delete(principal: Principal, key: int) -> None:
    """Delete an operation. A running one ends."""
    operation = await visible(policy.readable(principal), key)
    await require(principal, Action.OPERATION_DELETE, operation)
    await dataoperations.delete(operation, actor=Actor.from_principal(principal))


BulkResult = DataOperation | NotFound | Forbidden
"""The outcome for one operation of a bulk change: the operation, or the reason why it was not changed."""


async def cancel_many(principal: Principal, keys: Sequence[int | NotFound], *, all_or_none: bool) -> list[BulkResult]:
    """Cancel the operations that the principal may cancel; with `all_or_none`, all or none of them."""
    return await _change_many(principal, keys, Action.OPERATION_CANCEL, dataoperations.request_cancel, all_or_none)


async def delete_many(principal: Principal, keys: Sequence[int | NotFound], *, all_or_none: bool) -> list[BulkResult]:
    """Delete the operations that the principal may delete; with `all_or_none`, all or none of them."""
    return await _change_many(principal, keys, Action.OPERATION_DELETE, dataoperations.delete, all_or_none)


async def _change_many(
    principal: Principal,
    keys: Sequence[int | NotFound],
    action: Action,
    change: Callable[..., Awaitable[None]],
    all_or_none: bool,
) -> list[BulkResult]:
    ids = [key for key in keys if isinstance(key, int)]
    rows = {row.id: row for row in await policy.readable(principal).filter(id__in=ids)}
    results = [key if isinstance(key, NotFound) else await _check(principal, action, rows.get(key)) for key in keys]
    allowed = [each for each in results if isinstance(each, DataOperation)]
    if all_or_none and len(allowed) < len(results):
        return results
    for operation in sorted(allowed, key=lambda row: row.id):
        await change(operation, actor=Actor.from_principal(principal))
    return results


async def _check(principal: Principal, action: Action, operation: DataOperation | None) -> BulkResult:
    if operation is None:
        return NotFound("This operation does not exist, or you may not see it.")
    try:
        await require(principal, action, operation)
    except Forbidden as error:
        return error
    return operation


@dataclass(frozen=True)
class OperationOutput:
    """One output of an operation. `basename` names it as an input of other operations."""

    index: int
    basename: str
    type: str
    files: list[StoredFile]


def list_outputs(operation: DataOperation, result: Result) -> list[OperationOutput]:
    """Return the outputs of an operation with their files in the result."""
    files_by_index: defaultdict[int, list[StoredFile]] = defaultdict(list)
    for file in result.files:
        files_by_index[file["index"]].append(file)
    return [
        OperationOutput(index, output_name(operation.id, index), _output_type(files), files)
        for index, files in sorted(files_by_index.items())
    ]


def _output_type(files: Sequence[StoredFile]) -> str:
    kinds = {file["kind"] for file in files}
    return "fits" if "fits" in kinds else "table" if kinds == {"table"} else "image"


def version_of(operation: DataOperation) -> tuple[object, ...]:
    """Return the values whose change sends a new event to subscriptions."""
    row = operation
    return row.state, row.fence, row.fraction, row.phase, row.message, row.attempts, len(row.log)


async def read_live(app_state: AppState, principal: Principal, key: int) -> DataOperation | None:
    """Return the current operation; None if the principal cannot see it. Concurrent subscribers share the read."""
    return await app_state.live_rows.row(policy.DATA_OPERATIONS, principal, key)
