"""Validates the inputs that a caller sent and returns their canonical form, before anything is queued."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from operations.framework.inputs import Input
from operations.framework.operation import BaseDataOperation


def validate(operation: type[BaseDataOperation], raw: Any) -> dict[str, Any]:
    """Return the canonical inputs: defaults filled in, numbers within their ranges, files in order.

    Raises BadInput with the path of the wrong value. An input that does not apply is left out, so that equal requests
    have equal inputs. Facts that only the file contains (filter, shape, WCS) are checked in the run.
    """
    if not isinstance(raw, Mapping):
        raise BadInput(f"The inputs of {operation.name} must be an object with the keys {', '.join(operation.inputs)}.")
    _reject_unknown(operation, raw)
    values = {key: _validated_value(key, declared, raw) for key, declared in operation.inputs.items()}
    found = {key: value for key, value in values.items() if value is not None}
    _reject_inapplicable(operation, raw, found)
    canonical = {key: value for key, value in found.items() if operation.inputs[key].applies(found)}
    operation.check(canonical)
    return canonical


def _validated_value(key: str, declared: Input, raw: Mapping[str, Any]) -> Any:
    if raw.get(key) is not None:
        return declared.check(raw[key], (key,))
    default = declared.default_value()
    if default is None and declared.required:
        raise BadInput(f"{declared.name} is missing; give {key}.", path=(key,))
    return default


def _reject_unknown(operation: type[BaseDataOperation], raw: Mapping[str, Any]) -> None:
    for key in raw:
        if key not in operation.inputs:
            allowed = ", ".join(operation.inputs)
            raise BadInput(f"{operation.name} has no input {key}; it has {allowed}.", path=(str(key),))


def _reject_inapplicable(operation: type[BaseDataOperation], raw: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for key in raw:
        declared = operation.inputs[key]
        if raw[key] is not None and not declared.applies(values):
            needed = " and ".join(f"{other} is {' or '.join(allowed)}" for other, allowed in declared.only_when.items())
            raise BadInput(f"{declared.name} applies only when {needed}; leave {key} out.", path=(key,))
