"""File uploads within a GraphQL request, by the GraphQL multipart request specification."""

from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from starlette.datastructures import FormData, UploadFile

from core.errors import BadInput

Upload = NewType("Upload", UploadFile)
"""The type of an argument that takes a file."""

MAX_FILES = 10


def _file(value: object) -> UploadFile:
    if isinstance(value, UploadFile):
        return value
    raise BadInput("A file must be a part of a multipart request, not a JSON value.")


UPLOAD = strawberry.scalar(
    name="Upload", description="A file, sent as a part of a multipart request.", parse_value=_file
)


def with_files(operations: object, files: object, form: FormData) -> dict[str, Any]:
    """Return the request `operations`, with the files of `form` inserted at the paths in the map `files`."""
    if not isinstance(operations, dict) or not isinstance(files, Mapping):
        raise BadInput("The parts `operations` and `map` of a multipart request must be JSON objects.")
    if len(files) > MAX_FILES:
        raise BadInput(f"A request can have at most {MAX_FILES} files; you sent {len(files)}.")
    for name, paths in files.items():
        part = form.get(name)
        if not isinstance(part, UploadFile) or not isinstance(paths, list):
            raise BadInput(f"The map refers to the part {name}, which is not a file in this request.")
        for path in paths:
            _insert(operations, path, part)
    return operations


def _insert(operations: dict[str, Any], path: object, file: UploadFile) -> None:
    keys = path.split(".") if isinstance(path, str) else [""]
    holder: Any = operations
    try:
        for key in keys[:-1]:
            holder = holder[_index(holder, key)]
        index = _index(holder, keys[-1])
        free = keys[0] == "variables" and holder[index] is None
    except (LookupError, TypeError, ValueError):
        free = False
    if not free:
        raise BadInput(
            f"The map refers to {str(path)[:100]}, which must be a variable with the value null.", path=("map",)
        )
    holder[index] = file


def _index(holder: object, key: str) -> Any:
    return int(key) if isinstance(holder, list) else key
