"""The base class of the inputs of an operation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Input(ABC):
    """One input: its label, its help text, whether it is required, and when it applies.

    An `advanced` input is not in the PhotonRanch Datalab and left out of the wizard description by default. With
    `only_when`, the input applies only if each select input in it has one of the listed values; else it is refused.
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
        """Return the value of an input that was left out; None if there is no default."""
        return None

    def wizard_field(self) -> dict[str, Any]:
        """Return the field of the wizard description."""
        return {"name": self.name, "description": self.description, "type": self.kind}

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Return whether the input applies, given the values of the other inputs."""
        return all(values.get(key) in allowed for key, allowed in self.only_when.items())
