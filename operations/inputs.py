"""The kinds of inputs that an operation declares; each checks one value and describes itself."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from core.errors import BadInput

Path: TypeAlias = tuple[str, ...]
SECONDS_OF_ARC = 3600


@dataclass(frozen=True, kw_only=True)
class Input(ABC):
    """One input: its label and help, whether it must be given, and when it applies.

    An `advanced` input is ours and no part of the wizard description that the prior system had. With `only_when`, the
    input applies only while each named select input has one of the given values; it is refused otherwise.
    """

    kind: ClassVar[str]
    name: str
    description: str
    required: bool = False
    advanced: bool = False
    only_when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @abstractmethod
    def check(self, value: Any, path: Path) -> Any:
        """Return the canonical form of a value, or raise BadInput about `path`."""

    def default_value(self) -> Any:
        """Return what stands for the input when it is left out; None when nothing does."""
        return None

    def wizard_field(self) -> dict[str, Any]:
        """Return the field of the wizard description."""
        return {"name": self.name, "description": self.description, "type": self.kind}

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Say whether the input applies, the other values being these."""
        return all(values.get(key) in allowed for key, allowed in self.only_when.items())


@dataclass(frozen=True, kw_only=True)
class SelectInput(Input):
    """One of a few words."""

    kind = "select"
    options: tuple[str, ...]
    default: str

    def check(self, value: Any, path: Path) -> str:
        """Return the word if it is one of the options."""
        if value not in self.options:
            raise BadInput(f"{self.name} is one of {', '.join(self.options)}, not {shown(value)}.", path=path)
        return str(value)

    def default_value(self) -> str:
        """Return the word that stands when none is given."""
        return self.default

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its options."""
        return {**super().wizard_field(), "options": list(self.options), "default": self.default}


@dataclass(frozen=True, kw_only=True)
class NumberInput(Input):
    """A number within a range, in a unit."""

    default: float | None = None
    minimum: float = -math.inf
    maximum: float = math.inf
    unit: str = ""

    def check(self, value: Any, path: Path) -> float:
        """Return the number if it lies within the range; a number in a string counts as one."""
        number = as_number(value, self.name, path)
        if not self.minimum <= number <= self.maximum:
            raise BadInput(f"{self.name} must be {self._range()}, not {shown(value)}.", path=path)
        return number

    def default_value(self) -> float | None:
        """Return the number that stands when none is given."""
        return self.default

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with default, range and unit as far as there are any."""
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        finite = {key: value for key, value in bounds.items() if math.isfinite(value)}
        more = {"default": self.default, "unit": self.unit or None, "required": self.required or None}
        return super().wizard_field() | finite | {key: value for key, value in more.items() if value is not None}

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if math.isinf(self.minimum):
            return f"at most {self.maximum:g}{unit}"
        if math.isinf(self.maximum):
            return f"at least {self.minimum:g}{unit}"
        return f"from {self.minimum:g} to {self.maximum:g}{unit}"


@dataclass(frozen=True, kw_only=True)
class FloatInput(NumberInput):
    """A real number."""

    kind = "float"


@dataclass(frozen=True, kw_only=True)
class IntInput(NumberInput):
    """A whole number."""

    kind = "int"

    def check(self, value: Any, path: Path) -> int:
        """Return the number if it is whole and lies within the range."""
        number = super().check(value, path)
        if number != int(number):
            raise BadInput(f"{self.name} is a whole number, not {shown(value)}.", path=path)
        return int(number)


@dataclass(frozen=True, kw_only=True)
class StringInput(Input):
    """A short text."""

    kind = "string"
    default: str | None = None
    longest: int = 200

    def check(self, value: Any, path: Path) -> str:
        """Return the text without spaces around it."""
        if not isinstance(value, str):
            raise BadInput(f"{self.name} is a text, not {shown(value)}.", path=path)
        if len(text := value.strip()) > self.longest:
            raise BadInput(f"{self.name} has at most {self.longest} characters, not {len(text)}.", path=path)
        return text

    def default_value(self) -> str | None:
        """Return the text that stands when none is given."""
        return self.default

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its default."""
        return super().wizard_field() | ({} if self.default is None else {"default": self.default})


@dataclass(frozen=True, kw_only=True)
class SourceInput(Input):
    """A point in the sky: {ra, dec} in degrees, ICRS; a name beside it is for people and dropped."""

    kind = "source"
    name_lookup: bool = True

    def check(self, value: Any, path: Path) -> dict[str, float]:
        """Return the point."""
        return point(value, self.name, path)

    def wizard_field(self) -> dict[str, Any]:
        """Return the field, with the wish for a name resolver."""
        required = {"required": True} if self.required else {}
        return {**super().wizard_field(), "name_lookup": self.name_lookup, **required}


@dataclass(frozen=True, kw_only=True)
class TargetPositionsInput(Input):
    """Where a target was seen: a list of {ra, dec, mjd?}, in degrees and days."""

    kind = "target_positions"
    minimum: int = 1
    maximum: int = 1000
    timed: bool = False

    def check(self, value: Any, path: Path) -> list[dict[str, float]]:
        """Return the positions in order of time as far as they have one."""
        items = as_list(value, self.name, path, self.minimum, self.maximum, "positions")
        found = [self._position(item, (*path, str(at))) for at, item in enumerate(items)]
        return sorted(found, key=lambda position: position.get("mjd", -math.inf))

    def _position(self, item: Any, path: Path) -> dict[str, float]:
        position = point(item, self.name, path)
        if item.get("mjd") is not None:
            position["mjd"] = as_number(item["mjd"], f"{self.name}: mjd", (*path, "mjd"))
        elif self.timed:
            raise BadInput(f"{self.name}: each position needs its time, mjd.", path=(*path, "mjd"))
        return position

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its least count."""
        return {**super().wizard_field(), "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, kw_only=True)
class FilesInput(Input):
    """A list of FITS files, each {source, basename} and what is said about it; run in order of basename.

    Of an item, what does not matter for the science (links, names, what an interface keeps there) is dropped. The
    filter of a file is its `filter`, or else its `primary_optical_element`, or else what its own header says.
    """

    kind = "fits"
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
        """Return the items in running order."""
        items = as_list(value, self.name, path, self.minimum, self.maximum, "files")
        found = sorted(
            (self._item(item, (*path, str(at))) for at, item in enumerate(items)),
            key=lambda item: (item["basename"], item["source"]),
        )
        self._refuse_repeats(found, path)
        self.check_filters({item["basename"]: item.get("filter") for item in found}, path)
        return found

    def check_filters(self, filters: Mapping[str, str | None], path: Path) -> None:
        """Raise BadInput unless the filters by file are allowed and, where it is asked, one; None is not known yet."""
        known = {basename: name for basename, name in filters.items() if name is not None}
        for basename, name in known.items():
            if self.filter_options and name not in self.filter_options:
                options = ", ".join(self.filter_options)
                raise BadInput(f"{self.name}: {basename} has filter {name}; allowed are {options}.", path=path)
        if self.single_filter and len(set(known.values())) > 1:
            names = ", ".join(sorted(set(known.values())))
            raise BadInput(f"{self.name}: all files must have one filter; these have {names}.", path=path)

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its counts and what the interface should offer per file."""
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
            raise BadInput(f"{self.name}: each file is an object with source and basename.", path=path)
        found: dict[str, Any] = {"source": str(item.get("source") or ""), "basename": item["basename"]}
        if name := item.get("filter") or item.get("primary_optical_element"):
            found["filter"] = str(name)
        if self.dated and item.get("observation_date"):
            found["observation_date"] = str(item["observation_date"])
        if self.color_picker and item.get("color") is not None:
            found["color"] = color(item["color"], self.name, (*path, "color"))
        return found | self._scale(item, path)

    def _scale(self, item: Mapping[str, Any], path: Path) -> dict[str, float]:
        keys = [key for key in ("zmin", "zmax") if self.include_custom_scale and item.get(key) is not None]
        limits = {key: as_number(item[key], f"{self.name}: {key}", (*path, key)) for key in keys}
        if limits.get("zmin", -math.inf) > limits.get("zmax", math.inf):
            raise BadInput(f"{self.name}: {item['basename']} has zmin above zmax; swap them.", path=(*path, "zmin"))
        return limits

    def _refuse_repeats(self, items: Sequence[Mapping[str, Any]], path: Path) -> None:
        names = [(item["source"], item["basename"]) for item in items]
        twice = {basename for source, basename in names if names.count((source, basename)) > 1}
        if twice and not self.repeatable:
            raise BadInput(f"{self.name}: {', '.join(sorted(twice))} is in the list twice; name it once.", path=path)


def color(value: Any, name: str, path: Path) -> dict[str, int]:
    """Return a colour {r, g, b}, whole numbers from 0 to 255."""
    if not isinstance(value, Mapping) or set(value) < {"r", "g", "b"}:
        raise BadInput(f"{name}: a colour is an object with r, g and b.", path=path)
    parts = {key: as_number(value[key], f"{name}: {key}", (*path, key)) for key in ("r", "g", "b")}
    if wrong := [key for key, part in parts.items() if part != int(part) or not 0 <= part <= 255]:
        raise BadInput(f"{name}: {wrong[0]} is a whole number from 0 to 255.", path=(*path, wrong[0]))
    return {key: int(part) for key, part in parts.items()}


def point(value: Any, name: str, path: Path) -> dict[str, float]:
    """Return a point of the sky {ra, dec}; ra from 0 to 360 and dec from -90 to 90 degrees."""
    if not isinstance(value, Mapping) or value.get("ra") is None or value.get("dec") is None:
        raise BadInput(f"{name} is an object with ra and dec in degrees.", path=path)
    ra = as_number(value["ra"], f"{name}: ra", (*path, "ra"))
    dec = as_number(value["dec"], f"{name}: dec", (*path, "dec"))
    if not 0 <= ra <= 360:
        raise BadInput(f"{name}: ra is from 0 to 360 degrees, not {ra:g}.", path=(*path, "ra"))
    if not -90 <= dec <= 90:
        raise BadInput(f"{name}: dec is from -90 to 90 degrees, not {dec:g}.", path=(*path, "dec"))
    return {"ra": ra, "dec": dec}


def as_number(value: Any, name: str, path: Path) -> float:
    """Return a finite number; a string that spells one counts, a truth value does not."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(f"{name} is a number, not {shown(value)}.", path=path)
    return number


def as_list(value: Any, name: str, path: Path, minimum: int, maximum: int, things: str) -> Sequence[Any]:
    """Return a list of an allowed length."""
    if not isinstance(value, list | tuple):
        raise BadInput(f"{name} is a list of {things}.", path=path)
    if len(value) < minimum:
        raise BadInput(f"{name} needs at least {minimum} {things}, not {len(value)}.", path=path)
    if len(value) > maximum:
        raise BadInput(f"{name} takes at most {maximum} {things}, not {len(value)}.", path=path)
    return value


def shown(value: Any) -> str:
    """Give a value as a sentence may show it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
