"""JSON from a stranger, read as Docker's own parser reads it: without regard to the case of field names."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from core.bytesize import readable
from core.image_archive.index import Contents
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, shown


class Fields:
    """The fields of one JSON object, named `what` in sentences."""

    def __init__(self, what: str, values: Mapping[str, Any]) -> None:
        self.what = what
        self._values = values

    def value(self, name: str) -> Any:
        """Give the field `name`, None when absent; refuse two spellings of it, for Docker would take either."""
        found = [value for key, value in self._values.items() if key.casefold() == name.casefold()]
        if len(found) > 1:
            raise ArchiveRefused(f"{self.what} says {name} more than once; save the image again with docker save.")
        return found[0] if found else None

    def text(self, name: str) -> str:
        """Give a text field, empty when absent."""
        value = self.value(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else self._refuse(name, "a text")

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a list of texts, empty when absent."""
        value = self.value(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(name, "a list of texts")
        return tuple(value)

    def command(self, name: str) -> tuple[str, ...]:
        """Give a list of texts that may also be written as one text."""
        value = self.value(name)
        return (value,) if isinstance(value, str) else self.texts(name)

    def objects(self, name: str) -> tuple["Fields", ...]:
        """Give a list of objects, empty when absent."""
        value = self.value(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._refuse(name, "a list of objects")
        return tuple(Fields(f"{name} in {self.what}", item) for item in value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give an object as it is, empty when absent."""
        value = self.value(name)
        if value is None:
            return {}
        return value if isinstance(value, dict) else self._refuse(name, "an object")

    def fields(self, name: str) -> "Fields":
        """Give an object by its fields, without any when absent."""
        return Fields(f"{name} in {self.what}", self.mapping(name))

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        raise ArchiveRefused(f"{name} in {self.what} is not {wanted}; save the image again with docker save.")


def parse(contents: Contents, name: str, limits: ArchiveLimits) -> Any:
    """Parse the JSON file `name`; refuse one that is missing, too large, too deep or ambiguous."""
    blob = contents.find(name)
    if blob is None:
        raise ArchiveRefused(f"The file {shown(name)} is missing from the archive; save it again with docker save.")
    if blob.size > limits.json_bytes:
        most = readable(limits.json_bytes)
        raise ArchiveRefused(f"The file {shown(name)} is larger than {most}; save the image again with docker save.")
    try:
        return _strict((blob.text or b"").decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ArchiveRefused(f"The file {shown(name)} is not valid JSON; save it again with docker save.") from error


def _strict(text: str) -> Any:
    """Parse JSON that has no repeated name and no text that a database would refuse (a zero, half a character)."""
    value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    again = json.dumps(value, ensure_ascii=False)
    again.encode("utf-8")
    if "\\u0000" in again.replace("\\\\", ""):
        raise ValueError("a text holds a zero")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
