"""Tells awaitable field values (coroutines, futures) from plain ones, for the executor; cached for each class.

A Tortoise row defines `__await__` but counts as a plain value.
"""

from collections.abc import Awaitable
from inspect import CO_ITERABLE_COROUTINE
from types import GeneratorType
from typing import Any, TypeGuard

from tortoise.models import Model

_awaitable_types: dict[type, bool] = {}


def is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Return whether the value must be awaited."""
    kind = type(value)
    cached = _awaitable_types.get(kind)
    if cached is None:
        cached = _awaitable_types[kind] = is_awaitable_type(kind)
    # Generator-based coroutines share their class with plain generators; only a flag of the code tells them apart.
    if kind is GeneratorType:
        return bool(value.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    return cached


def is_awaitable_type(kind: type) -> bool:
    """Return whether values of the class must be awaited."""
    return hasattr(kind, "__await__") and not issubclass(kind, Model)
