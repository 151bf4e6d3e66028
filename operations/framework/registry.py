"""Which operations there are: those of this package, and those that installed packages bring."""

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

    An entry point of the group `carrel.operations` names a subclass of BaseDataOperation. One that cannot be loaded, or
    takes a name that is in use, is logged and left out: it does not take the others with it.
    """
    found = {operation.name: operation for operation in own()}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        operation = _installed(point)
        if operation is not None and operation.name in found:
            logger.error("%s takes the name %s, which is in use; it is left out.", point.value, operation.name)
        elif operation is not None:
            found[operation.name] = operation
    return MappingProxyType(dict(sorted(found.items())))


def find(name: str) -> type[BaseDataOperation]:
    """Return the operation of that name, or raise BadInput that lists the known ones."""
    if (operation := available().get(name)) is None:
        raise BadInput(f"There is no operation {name}; there are {', '.join(available())}.", path=("name",))
    return operation


def own() -> Iterator[type[BaseDataOperation]]:
    """Give the operations of this package."""
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
        logger.exception("The operation %s cannot be loaded; it is left out.", point.value)
        return None
    if inspect.isclass(operation) and issubclass(operation, BaseDataOperation) and not inspect.isabstract(operation):
        return operation
    logger.error("%s is no operation: it must be a subclass of BaseDataOperation; it is left out.", point.value)
    return None
