"""What makes two runs the same: a key over operation, code version and inputs by content."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from operations.framework.common_inputs import DATALAB
from operations.framework.inputs import FilesInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Frame, Given

NAMES = frozenset({"source", "basename"})
OURS = frozenset({"storage", "compatibility"})


def result_key(
    operation: type[BaseDataOperation], inputs: Mapping[str, Any], content: Callable[[Mapping[str, Any]], str]
) -> str:
    """Return the key of a result: SHA-256 over name, version and canonical inputs, each file by its content hash.

    `content` gives the SHA-256 of an item's file. What the files are called does not matter; their running order does,
    for it decides which one lends its header and which output belongs to which file.
    """
    files = {key for key, given in operation.inputs.items() if isinstance(given, FilesInput)}
    named = {
        key: [_item(item, content(item)) for item in value] if key in files else value for key, value in inputs.items()
    }
    return _digest(operation, named)


def given_key(operation: type[BaseDataOperation], given: Given) -> str:
    """Return the same key for inputs whose files are at hand."""
    named = {
        key: [_item(frame.parameters, frame.sha256) for frame in value] if _is_files(value) else value
        for key, value in given.values.items()
    }
    return _digest(operation, named)


def datalab_key(name: str, input_data: Mapping[str, Any]) -> str:
    """Return the key that the prior system gives a result, over the client's own object; for comparison only."""
    text = json.dumps(sorted(input_data.items()), sort_keys=True)
    return hashlib.sha256(f"{name}_{text}".encode()).hexdigest()


def datalab_key_of(name: str, inputs: Mapping[str, Any]) -> str | None:
    """Return that key for canonical inputs in the mode datalab, as its client would have sent them; else None.

    It is made of names and sources as well, so it belongs to who asked and never to a result, which others share.
    """
    if inputs.get("compatibility") != DATALAB:
        return None
    return datalab_key(name, {key: _by_name(value) for key, value in inputs.items() if key not in OURS})


def _by_name(value: Any) -> Any:
    """Return a list of files as the prior system sorts it."""
    is_files = isinstance(value, list) and all(isinstance(item, Mapping) and "basename" in item for item in value)
    return sorted(value, key=lambda item: str(item["basename"])) if is_files else value


def _item(parameters: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key not in NAMES} | {"sha256": sha256}


def _is_files(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, Frame) for item in value)


def _digest(operation: type[BaseDataOperation], inputs: Mapping[str, Any]) -> str:
    whole = {"operation": operation.name, "version": operation.version, "inputs": inputs}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
