"""Inputs that are positions in the sky."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.errors import BadInput
from operations.framework.inputs.input import Input, Path
from operations.framework.inputs.values import as_list, as_number


@dataclass(frozen=True, kw_only=True)
class SourceInput(Input):
    """A point in the sky: {ra, dec} in degrees, ICRS; a name in the object is dropped."""

    kind: ClassVar[str] = "source"
    name_lookup: bool = True

    def check(self, value: Any, path: Path) -> dict[str, float]:
        """Return the point."""
        return validate_point(value, self.name, path)

    def wizard_field(self) -> dict[str, Any]:
        """Return the field, with whether the form offers a name resolver."""
        required = {"required": True} if self.required else {}
        return {**super().wizard_field(), "name_lookup": self.name_lookup, **required}


@dataclass(frozen=True, kw_only=True)
class TargetPositionsInput(Input):
    """The observed positions of a target: a list of {ra, dec, mjd?}, in degrees and days."""

    kind: ClassVar[str] = "target_positions"
    minimum: int = 1
    maximum: int = 1000
    timed: bool = False

    def check(self, value: Any, path: Path) -> list[dict[str, float]]:
        """Return the positions in order of time; those without a time come first."""
        items = as_list(value, self.name, path, self.minimum, self.maximum, "positions")
        found = [self._position(item, (*path, str(at))) for at, item in enumerate(items)]
        return sorted(found, key=lambda position: position.get("mjd", -math.inf))

    def _position(self, item: Any, path: Path) -> dict[str, float]:
        position = validate_point(item, self.name, path)
        if item.get("mjd") is not None:
            position["mjd"] = as_number(item["mjd"], f"{self.name}: mjd", (*path, "mjd"))
        elif self.timed:
            raise BadInput(f"{self.name}: each position must have its time, mjd.", path=(*path, "mjd"))
        return position

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its counts."""
        return {**super().wizard_field(), "minimum": self.minimum, "maximum": self.maximum}


def validate_point(value: Any, name: str, path: Path) -> dict[str, float]:
    """Return a point of the sky {ra, dec}; ra from 0 to 360 and dec from -90 to 90 degrees."""
    if not isinstance(value, Mapping) or value.get("ra") is None or value.get("dec") is None:
        raise BadInput(f"{name} must be an object with ra and dec in degrees.", path=path)
    ra = as_number(value["ra"], f"{name}: ra", (*path, "ra"))
    dec = as_number(value["dec"], f"{name}: dec", (*path, "dec"))
    if not 0 <= ra <= 360:
        raise BadInput(f"{name}: ra must be from 0 to 360 degrees, not {ra:g}.", path=(*path, "ra"))
    if not -90 <= dec <= 90:
        raise BadInput(f"{name}: dec must be from -90 to 90 degrees, not {dec:g}.", path=(*path, "dec"))
    return {"ra": ra, "dec": dec}
