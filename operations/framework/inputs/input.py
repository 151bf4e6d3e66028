"""What every input has: label, help, whether it must be given, and when it applies."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

Path: TypeAlias = tuple[str, ...]


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
