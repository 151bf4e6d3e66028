"""The registry of operations: those of this package and those of installed packages.

An entry point of the group `carrel.operations` names a subclass of BaseDataOperation.
"""

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, ModuleType

import operations
from core.errors import BadInput
from operations.framework.operation import BaseDataOperation

GROUP = "carrel.operations"
logger = logging.getLogger(__name__)


@cache
def available() -> Mapping[str, type[BaseDataOperation]]:
    """Return every operation by its name, in order of the names; looked up once per process.

    An entry point that cannot be loaded, or whose name is already in use, is logged and ignored.
    """
    found = {operation.name: operation for operation in builtin_operations()}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        operation = _installed(point)
        if operation is not None and operation.name in found:
            logger.error(
                "%s uses the name %s, which another operation has; it is ignored.", point.value, operation.name
            )
        elif operation is not None:
            found[operation.name] = operation
    return MappingProxyType(dict(sorted(found.items())))


def find(name: str) -> type[BaseDataOperation]:
    """Return the operation of that name, or raise BadInput that lists the available ones."""
    if (operation := available().get(name)) is None:
        raise BadInput(f"There is no operation {name}. Choose one of {', '.join(available())}.", path=("name",))
    return operation


def builtin_operations() -> Iterator[type[BaseDataOperation]]:
    """Yield the operations of this package."""
    for module in pkgutil.iter_modules(operations.__path__, f"{operations.__name__}."):
        if not module.ispkg:
            yield from _declared(importlib.import_module(module.name))


def _declared(module: ModuleType) -> Iterator[type[BaseDataOperation]]:
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, BaseDataOperation) and kind.__module__ == module.__name__ and not inspect.isabstract(kind):
            yield kind


def _installed(point: EntryPoint) -> type[BaseDataOperation] | None:
    try:
        operation = point.load()
    except Exception:
        logger.exception("The operation %s cannot be loaded; it is ignored.", point.value)
        return None
    if inspect.isclass(operation) and issubclass(operation, BaseDataOperation) and not inspect.isabstract(operation):
        return operation
    logger.error("%s is not a concrete subclass of BaseDataOperation; it is ignored.", point.value)
    return None
