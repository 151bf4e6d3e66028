"""The settings of a combination: the rule, and the scale, shift and weight of each frame."""

from dataclasses import dataclass
from enum import StrEnum


class Combination(StrEnum):
    """The rule that combines the values of a pixel."""

    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    SIGMA_CLIPPED = "sigma_clipped"
    WEIGHTED = "weighted"


@dataclass(frozen=True)
class FrameScaling:
    """The scaling of one frame: (pixel - zero) x scale, with a weight."""

    scale: float = 1.0
    zero: float = 0.0
    weight: float = 1.0

    @property
    def is_identity(self) -> bool:
        """Return whether the pixels are not changed."""
        return self.scale == 1 and self.zero == 0


@dataclass(frozen=True)
class StackSettings:
    """The rule and the scaling of each frame; `low` and `high` are the limits of clipping, in sigmas."""

    combination: Combination
    scalings: tuple[FrameScaling, ...]
    low: float = 3.0
    high: float = 3.0
    rounds: int = 5
