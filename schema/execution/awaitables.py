"""What must be awaited to be had: coroutines, futures and their like; decided once for each class of values.

A row of Tortoise's can be awaited too, and is then itself; it is no promise, and a list of rows is not a list of tasks.
"""

from collections.abc import Awaitable
from inspect import CO_ITERABLE_COROUTINE
from types import GeneratorType
from typing import Any, TypeGuard

from tortoise.models import Model

_known: dict[type, bool] = {}


def is_promise(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Say whether the value must be awaited."""
    kind = type(value)
    known = _known.get(kind)
    if known is None:
        known = _known[kind] = promises(kind)
    if kind is GeneratorType:
        return bool(value.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    return known


def promises(kind: type) -> bool:
    """Say whether values of the class must be awaited."""
    return hasattr(kind, "__await__") and not issubclass(kind, Model)
