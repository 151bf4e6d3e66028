"""Input files as clients name them: validated, and resolved to the stored form. BadInput has the path of the fault."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import BadInput
from models.data.datasessions import Datasession, Item
from models.permissions.principal import Principal
from models.services.data.sources.source import FileRequester
from resolvers.app_state import AppState

KEYS = ("type", "source", "basename", "filter")
TYPES = ("fitsfile", "fits")
MAX_ITEMS = 1000
MAX_FILTER_LENGTH = 64


async def resolve_files(
    app_state: AppState, principal: Principal, datasession: Datasession | None, raw: object, path: str = "inputData"
) -> tuple[list[Item], set[int]]:
    """Return the files in stored form without duplicates, and the ids of the uploads among them."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MAX_ITEMS:
        raise BadInput(f"Give a list of at most {MAX_ITEMS} files.", path=(path,))
    requester = FileRequester(principal, datasession)
    items: list[Item] = []
    upload_ids: set[int] = set()
    for index, raw_item in enumerate(raw):
        item, uploads = await _resolve_file(app_state, requester, raw_item, (path, str(index)))
        items += [item] if item not in items else []
        upload_ids |= uploads
    return items, upload_ids


async def _resolve_file(
    app_state: AppState, requester: FileRequester, raw: object, path: tuple[str, ...]
) -> tuple[Item, frozenset[int]]:
    if not isinstance(raw, Mapping):
        raise BadInput("Each file is an object with source and basename.", path=path)
    if unknown := [str(key) for key in raw if key not in KEYS]:
        key = unknown[0][:64]
        raise BadInput(f"A file has no key {key!r}. Its keys are: {', '.join(KEYS)}.", path=(*path, key))
    kind, name = raw.get("type") or TYPES[0], raw.get("filter")
    if kind not in TYPES:
        raise BadInput(f"The type of a file is one of {', '.join(TYPES)}.", path=(*path, "type"))
    file = await app_state.sources.resolve(raw, requester, path)
    item: dict[str, Any] = {"type": kind, "source": raw["source"], "basename": file.basename}
    if name is not None:
        item["filter"] = filter_name(name, (*path, "filter"))
    return item, file.upload_ids


def filter_name(name: object, path: tuple[str, ...]) -> str:
    """Return the name of a filter; BadInput if it is empty, too long or not printable."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_FILTER_LENGTH or not name.isprintable():
        raise BadInput(f"The filter of a file has 1 to {MAX_FILTER_LENGTH} printable characters.", path=path)
    return name


def parse_item_refs(raw: object, path: str = "inputData") -> list[Item]:
    """Return the source and basename of each file, for removal."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not 0 < len(raw) <= MAX_ITEMS:
        raise BadInput(f"Give a list of 1 to {MAX_ITEMS} files.", path=(path,))
    for index, item in enumerate(raw):
        if not isinstance(item, Mapping) or not all(isinstance(item.get(key), str) for key in ("source", "basename")):
            raise BadInput("Each file is an object with source and basename.", path=(path, str(index)))
    return [{"source": item["source"], "basename": item["basename"]} for item in raw]
