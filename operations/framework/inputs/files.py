"""Inputs that are lists of files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.errors import BadInput
from operations.framework.inputs.input import Input, Path
from operations.framework.inputs.values import as_list, as_number


@dataclass(frozen=True, kw_only=True)
class FilesInput(Input):
    """A list of FITS files, each {source, basename} with its parameters, sorted by basename.

    Keys that do not affect the result (links, names, state of an interface) are dropped. If filters matter, the filter
    of a file is its `filter`, else its `primary_optical_element`, else the one in its header.
    """

    kind: ClassVar[str] = "fits"
    required: bool = True
    minimum: int = 1
    maximum: int = 999
    single_filter: bool = False
    filter_options: tuple[str, ...] = ()
    include_custom_scale: bool = False
    color_picker: bool = False
    dated: bool = False
    repeatable: bool = False

    def check(self, value: Any, path: Path) -> list[dict[str, Any]]:
        """Return the items in the order of the run."""
        items = as_list(value, self.name, path, self.minimum, self.maximum, "files")
        found = sorted(
            (self._item(item, (*path, str(at))) for at, item in enumerate(items)),
            key=lambda item: (item["basename"], item["source"]),
        )
        self._reject_duplicates(found, path)
        self.check_filters({item["basename"]: item.get("filter") for item in found}, path)
        return found

    def check_filters(self, filters: Mapping[str, str | None], path: Path) -> None:
        """Raise BadInput if a file has a forbidden filter, or if `single_filter` is set and filters differ.

        A filter of None is not determined yet and is accepted.
        """
        by_file = {basename: name for basename, name in filters.items() if name is not None}
        for basename, name in by_file.items():
            if self.filter_options and name not in self.filter_options:
                options = ", ".join(self.filter_options)
                raise BadInput(f"{self.name}: {basename} has filter {name}; allowed are {options}.", path=path)
        if self.single_filter and len(set(by_file.values())) > 1:
            names = ", ".join(sorted(set(by_file.values())))
            raise BadInput(f"{self.name}: all files must have one filter; these have {names}.", path=path)

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its counts and the options that an interface offers per file."""
        flags = {
            "single_filter": self.single_filter,
            "filter_options": list(self.filter_options),
            "include_custom_scale": self.include_custom_scale,
            "color_picker": self.color_picker,
        }
        counts = {"minimum": self.minimum, "maximum": self.maximum}
        return super().wizard_field() | counts | {key: value for key, value in flags.items() if value}

    def _item(self, item: Any, path: Path) -> dict[str, Any]:
        if not isinstance(item, Mapping) or not isinstance(item.get("basename"), str) or not item["basename"]:
            raise BadInput(f"{self.name}: each file must be an object with source and basename.", path=path)
        found: dict[str, Any] = {"source": str(item.get("source") or ""), "basename": item["basename"]}
        name = item.get("filter") or item.get("primary_optical_element")
        if name and (self.single_filter or self.filter_options):
            found["filter"] = str(name)
        if self.dated and item.get("observation_date"):
            found["observation_date"] = str(item["observation_date"])
        if self.color_picker and item.get("color") is not None:
            found["color"] = validate_color(item["color"], self.name, (*path, "color"))
        return found | self._scale(item, path)

    def _scale(self, item: Mapping[str, Any], path: Path) -> dict[str, float]:
        keys = [key for key in ("zmin", "zmax") if self.include_custom_scale and item.get(key) is not None]
        limits = {key: as_number(item[key], f"{self.name}: {key}", (*path, key)) for key in keys}
        if limits.get("zmin", -math.inf) > limits.get("zmax", math.inf):
            raise BadInput(f"{self.name}: {item['basename']} has zmin above zmax; swap them.", path=(*path, "zmin"))
        return limits

    def _reject_duplicates(self, items: Sequence[Mapping[str, Any]], path: Path) -> None:
        names = [(item["source"], item["basename"]) for item in items]
        twice = {basename for source, basename in names if names.count((source, basename)) > 1}
        if twice and not self.repeatable:
            raise BadInput(f"{self.name}: {', '.join(sorted(twice))} is listed twice; list it once.", path=path)


def validate_color(value: Any, name: str, path: Path) -> dict[str, int]:
    """Return a colour {r, g, b}, whole numbers from 0 to 255."""
    if not isinstance(value, Mapping) or not {"r", "g", "b"} <= set(value):
        raise BadInput(f"{name}: a colour must be an object with r, g and b.", path=path)
    parts = {key: as_number(value[key], f"{name}: {key}", (*path, key)) for key in ("r", "g", "b")}
    if wrong := [key for key, part in parts.items() if part != int(part) or not 0 <= part <= 255]:
        raise BadInput(f"{name}: {wrong[0]} must be a whole number from 0 to 255.", path=(*path, wrong[0]))
    return {key: int(part) for key, part in parts.items()}
