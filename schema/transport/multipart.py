"""Files within a request, by the multipart request specification."""

from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from starlette.datastructures import FormData, UploadFile

from core.errors import BadInput

Upload = NewType("Upload", UploadFile)
"""The type of an argument that takes a file."""

MOST_FILES = 10


def _file(value: object) -> UploadFile:
    if isinstance(value, UploadFile):
        return value
    raise BadInput("A file comes as a part of a multipart request, not as a JSON value.")


UPLOAD = strawberry.scalar(
    name="Upload", description="A file, sent as a part of a multipart request.", parse_value=_file
)


def with_files(operations: object, files: object, form: FormData) -> dict[str, Any]:
    """Return the request `operations` with the parts of `form` put where the map `files` says."""
    if not isinstance(operations, dict) or not isinstance(files, Mapping):
        raise BadInput("The parts `operations` and `map` of a multipart request are JSON objects.")
    if len(files) > MOST_FILES:
        raise BadInput(f"At most {MOST_FILES} files at once; you sent {len(files)}.")
    for name, paths in files.items():
        part = form.get(name)
        if not isinstance(part, UploadFile) or not isinstance(paths, list):
            raise BadInput(f"The map names the part {name}, which is no file of this request.")
        for path in paths:
            _place(operations, path, part)
    return operations


def _place(operations: dict[str, Any], path: object, file: UploadFile) -> None:
    keys = path.split(".") if isinstance(path, str) else [""]
    holder: Any = operations
    try:
        for key in keys[:-1]:
            holder = holder[_index(holder, key)]
        place = _index(holder, keys[-1])
        free = keys[0] == "variables" and holder[place] is None
    except (LookupError, TypeError, ValueError):
        free = False
    if not free:
        raise BadInput(f"The map puts a file at {str(path)[:100]}, which is no variable that is null.", path=("map",))
    holder[place] = file


def _index(holder: object, key: str) -> Any:
    return int(key) if isinstance(holder, list) else key
