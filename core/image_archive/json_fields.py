"""Reads untrusted JSON as Docker's parser does: field names are case-insensitive."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from core.bytesize import format_bytes
from core.image_archive.index import ArchiveIndex
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, quoted


class JsonFields:
    """The fields of one JSON object, called `subject` in error messages."""

    def __init__(self, subject: str, values: Mapping[str, Any]) -> None:
        self.subject = subject
        self._values = values

    def value(self, name: str) -> Any:
        """Return the field `name`, None when absent; refuse two spellings, because Docker would take either."""
        found = [value for key, value in self._values.items() if key.casefold() == name.casefold()]
        if len(found) > 1:
            raise ArchiveRefused(
                f"{self.subject} has the field {name} more than once; save the image again with docker save."
            )
        return found[0] if found else None

    def text(self, name: str) -> str:
        """Return a text field, empty when absent."""
        value = self.value(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else self._refuse(name, "a text")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty when absent."""
        value = self.value(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(name, "a list of texts")
        return tuple(value)

    def command(self, name: str) -> tuple[str, ...]:
        """Return a list of texts that may also be written as one text."""
        value = self.value(name)
        return (value,) if isinstance(value, str) else self.texts(name)

    def objects(self, name: str) -> tuple["JsonFields", ...]:
        """Return a list of objects, empty when absent."""
        value = self.value(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._refuse(name, "a list of objects")
        return tuple(JsonFields(f"{name} in {self.subject}", item) for item in value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object, empty when absent."""
        value = self.value(name)
        if value is None:
            return {}
        return value if isinstance(value, dict) else self._refuse(name, "an object")

    def fields(self, name: str) -> "JsonFields":
        """Return the fields of an object, none when absent."""
        return JsonFields(f"{name} in {self.subject}", self.mapping(name))

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        raise ArchiveRefused(f"{name} in {self.subject} is not {wanted}; save the image again with docker save.")


def parse(index: ArchiveIndex, name: str, limits: ArchiveLimits) -> Any:
    """Parse the JSON file `name`; refuse one that is missing, too large, too deep or ambiguous."""
    blob = index.find(name)
    if blob is None:
        raise ArchiveRefused(f"The file {quoted(name)} is missing from the archive; save it again with docker save.")
    if blob.size > limits.json_bytes:
        most = format_bytes(limits.json_bytes)
        raise ArchiveRefused(f"The file {quoted(name)} is larger than {most}; save the image again with docker save.")
    try:
        return _strict((blob.text or b"").decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ArchiveRefused(f"The file {quoted(name)} is not valid JSON; save it again with docker save.") from error


def _strict(text: str) -> Any:
    """Parse JSON; refuse repeated names and texts that a database refuses (zero characters, lone surrogates)."""
    value = json.loads(text, object_pairs_hook=_unique_fields, parse_constant=_no_constant)
    text_again = json.dumps(value, ensure_ascii=False)
    # Raises for lone surrogates.
    text_again.encode("utf-8")
    if "\\u0000" in text_again.replace("\\\\", ""):
        raise ValueError("a text contains a zero character")
    return value


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
