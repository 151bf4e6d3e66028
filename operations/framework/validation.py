"""From what a caller sent to the canonical inputs of an operation, before anything is queued."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from operations.framework.inputs import Input
from operations.framework.operation import BaseDataOperation


def validate(operation: type[BaseDataOperation], raw: Any) -> dict[str, Any]:
    """Return the canonical inputs: defaults filled in, numbers within their ranges, files in running order.

    Raises BadInput with the path of what is wrong. An input that does not apply beside the others is left out, so that
    equal science has equal inputs. What only the file itself can tell (filter, shape, WCS) is checked in the run.
    """
    if not isinstance(raw, Mapping):
        raise BadInput(f"The inputs of {operation.name} are an object by name: {', '.join(operation.inputs)}.")
    _refuse_unknown(operation, raw)
    values = {key: _value(key, given, raw) for key, given in operation.inputs.items()}
    found = {key: value for key, value in values.items() if value is not None}
    _refuse_idle(operation, raw, found)
    canonical = {key: value for key, value in found.items() if operation.inputs[key].applies(found)}
    operation.check(canonical)
    return canonical


def _value(key: str, given: Input, raw: Mapping[str, Any]) -> Any:
    if raw.get(key) is not None:
        return given.check(raw[key], (key,))
    default = given.default_value()
    if default is None and given.required:
        raise BadInput(f"{given.name} is missing; give {key}.", path=(key,))
    return default


def _refuse_unknown(operation: type[BaseDataOperation], raw: Mapping[str, Any]) -> None:
    for key in raw:
        if key not in operation.inputs:
            known = ", ".join(operation.inputs)
            raise BadInput(f"{operation.name} has no input {key}; it has {known}.", path=(str(key),))


def _refuse_idle(operation: type[BaseDataOperation], raw: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for key in raw:
        given = operation.inputs[key]
        if raw[key] is not None and not given.applies(values):
            needed = " and ".join(f"{other} is {' or '.join(allowed)}" for other, allowed in given.only_when.items())
            raise BadInput(f"{given.name} applies only when {needed}; leave {key} out.", path=(key,))
