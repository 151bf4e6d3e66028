"""Files as clients name them, made into the form that is kept; what cannot be named is refused with a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import BadInput
from models.data.datasessions import Datasession, Item
from models.permissions.principal import Principal
from models.services.data.sources.source import Asker
from resolvers.app_state import House

KEYS = ("type", "source", "basename", "filter")
TYPES = ("fitsfile", "fits")
ITEMS_AT_ONCE = 1000


async def admitted(
    house: House, principal: Principal, datasession: Datasession | None, raw: object, path: str = "inputData"
) -> tuple[list[Item], set[int]]:
    """Return the files as they are kept, each once, and the uploads among them."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > ITEMS_AT_ONCE:
        raise BadInput(f"The files are a list of at most {ITEMS_AT_ONCE} objects.", path=(path,))
    asker = Asker(principal, datasession)
    items: list[Item] = []
    uploads: set[int] = set()
    for at, one in enumerate(raw):
        item, brought = await _admitted(house, asker, one, (path, str(at)))
        items += [item] if item not in items else []
        uploads |= brought
    return items, uploads


async def _admitted(house: House, asker: Asker, raw: object, path: tuple[str, ...]) -> tuple[Item, frozenset[int]]:
    if not isinstance(raw, Mapping):
        raise BadInput("Each file is an object with source and basename.", path=path)
    if unknown := [str(key) for key in raw if key not in KEYS]:
        raise BadInput(f"A file has no {unknown[0][:64]!r}; it has {', '.join(KEYS)}.", path=(*path, unknown[0][:64]))
    kind, name = raw.get("type") or TYPES[0], raw.get("filter")
    if kind not in TYPES:
        raise BadInput(f"The type of a file is one of {', '.join(TYPES)}.", path=(*path, "type"))
    found = await house.sources.admit(raw, asker, path)
    item: dict[str, Any] = {"type": kind, "source": raw["source"], "basename": found.basename}
    if name is not None:
        item["filter"] = filter_name(name, (*path, "filter"))
    return item, found.uploads


def filter_name(name: object, path: tuple[str, ...]) -> str:
    """Return the name of a filter if it can be one."""
    if not isinstance(name, str) or not 0 < len(name) <= 64 or not name.isprintable():
        raise BadInput("The filter of a file has 1 to 64 printable characters.", path=path)
    return name


def named(raw: object, path: str = "inputData") -> list[Item]:
    """Return files that are to be taken out, by source and basename alone."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not 0 < len(raw) <= ITEMS_AT_ONCE:
        raise BadInput(f"The files are a list of 1 to {ITEMS_AT_ONCE} objects.", path=(path,))
    for at, item in enumerate(raw):
        if not isinstance(item, Mapping) or not all(isinstance(item.get(key), str) for key in ("source", "basename")):
            raise BadInput("Each file is an object with source and basename.", path=(path, str(at)))
    return [{"source": item["source"], "basename": item["basename"]} for item in raw]
