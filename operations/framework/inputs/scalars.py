"""Inputs of one value: an option, a number or a text."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from core.errors import BadInput
from operations.framework.inputs.input import Input, Path
from operations.framework.inputs.values import as_number, format_value


@dataclass(frozen=True, kw_only=True)
class SelectInput(Input):
    """One of several options."""

    kind: ClassVar[str] = "select"
    options: tuple[str, ...]
    default: str

    def check(self, value: Any, path: Path) -> str:
        """Return the value if it is one of the options."""
        if value not in self.options:
            raise BadInput(
                f"{self.name} must be one of {', '.join(self.options)}, not {format_value(value)}.", path=path
            )
        return str(value)

    def default_value(self) -> str:
        """Return the default option."""
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
        """Return the number if it is within the range; a string that spells a number is accepted."""
        number = as_number(value, self.name, path)
        if not self.minimum <= number <= self.maximum:
            raise BadInput(f"{self.name} must be {self._range()}, not {format_value(value)}.", path=path)
        return number

    def default_value(self) -> float | None:
        """Return the default, if there is one."""
        return self.default

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its default, range and unit, if it has them."""
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

    kind: ClassVar[str] = "float"


@dataclass(frozen=True, kw_only=True)
class IntInput(NumberInput):
    """A whole number."""

    kind: ClassVar[str] = "int"

    def check(self, value: Any, path: Path) -> int:
        """Return the number if it is whole and within the range."""
        number = super().check(value, path)
        if number != int(number):
            raise BadInput(f"{self.name} must be a whole number, not {format_value(value)}.", path=path)
        return int(number)


@dataclass(frozen=True, kw_only=True)
class StringInput(Input):
    """A short text."""

    kind: ClassVar[str] = "string"
    default: str | None = None
    max_length: int = 200

    def check(self, value: Any, path: Path) -> str:
        """Return the text without surrounding spaces."""
        if not isinstance(value, str):
            raise BadInput(f"{self.name} must be a text, not {format_value(value)}.", path=path)
        if len(text := value.strip()) > self.max_length:
            raise BadInput(f"{self.name} must have at most {self.max_length} characters, not {len(text)}.", path=path)
        return text

    def default_value(self) -> str | None:
        """Return the default, if there is one."""
        return self.default

    def wizard_field(self) -> dict[str, Any]:
        """Return the field with its default."""
        return super().wizard_field() | ({} if self.default is None else {"default": self.default})
