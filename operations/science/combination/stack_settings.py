"""How frames are combined: the rule, and what each frame is scaled, shifted and weighted by."""

from dataclasses import dataclass
from enum import StrEnum


class Combination(StrEnum):
    """The rule by which many values of a pixel become one."""

    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    SIGMA_CLIPPED = "sigma_clipped"
    WEIGHTED = "weighted"


@dataclass(frozen=True)
class Share:
    """How one frame enters: (pixel - zero) x scale, with a weight."""

    scale: float = 1.0
    zero: float = 0.0
    weight: float = 1.0

    @property
    def untouched(self) -> bool:
        """Say whether the pixels enter as they are."""
        return self.scale == 1 and self.zero == 0


@dataclass(frozen=True)
class Recipe:
    """The rule and the share of each frame; `low` and `high` are the limits of clipping, in sigmas."""

    combination: Combination
    shares: tuple[Share, ...]
    low: float = 3.0
    high: float = 3.0
    rounds: int = 5
