"""Result keys: a hash over operation, version and inputs by content, equal for runs with equal results.

A change of this module's output makes every cached result unreachable.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from operations.framework.common_inputs import DATALAB
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Frame, RunInputs

IGNORED_FILE_FIELDS = frozenset({"source", "basename"})
NOT_IN_DATALAB = frozenset({"storage", "compatibility"})


def result_key(
    operation: type[BaseDataOperation], inputs: Mapping[str, Any], content_hash: Callable[[Mapping[str, Any]], str]
) -> str:
    """Return the key of a result: SHA-256 over name, version and canonical inputs, each file by its content hash.

    `content` gives the SHA-256 of an item's file. File names do not affect the key; the order of the files
    does, since it decides which header the result gets and which output belongs to which file.
    """
    files = {key for key, declared in operation.inputs.items() if isinstance(declared, FilesInput)}
    hashed = {
        key: [_item(item, content_hash(item)) for item in value] if key in files else value
        for key, value in inputs.items()
    }
    return _digest(operation, hashed)


def run_key(operation: type[BaseDataOperation], inputs: RunInputs) -> str:
    """Return the same key as `result_key` for inputs whose files are local."""
    hashed = {
        key: [_item(frame.parameters, frame.sha256) for frame in value] if _is_files(value) else value
        for key, value in inputs.values.items()
    }
    return _digest(operation, hashed)


def datalab_key(name: str, input_data: Mapping[str, Any]) -> str:
    """Return the key that the PhotonRanch Datalab computes from the client's own object; for comparison only."""
    text = json.dumps(sorted(input_data.items()), sort_keys=True)
    return hashlib.sha256(f"{name}_{text}".encode()).hexdigest()


def datalab_key_for_inputs(name: str, inputs: Mapping[str, Any]) -> str | None:
    """Return `datalab_key` for canonical inputs in the mode datalab, as its client would send them; else None.

    The key covers file names and sources. It belongs to the caller and is never stored with a result, which is shared.
    """
    if inputs.get("compatibility") != DATALAB:
        return None
    return datalab_key(name, {key: _by_name(value) for key, value in inputs.items() if key not in NOT_IN_DATALAB})


def _by_name(value: Any) -> Any:
    # The Datalab sorts files by name alone before it hashes them.
    is_files = isinstance(value, list) and all(isinstance(item, Mapping) and "basename" in item for item in value)
    return sorted(value, key=lambda item: str(item["basename"])) if is_files else value


def _item(parameters: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key not in IGNORED_FILE_FIELDS} | {"sha256": sha256}


def _is_files(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, Frame) for item in value)


def _digest(operation: type[BaseDataOperation], inputs: Mapping[str, Any]) -> str:
    whole = {"operation": operation.name, "version": operation.version, "inputs": inputs}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
