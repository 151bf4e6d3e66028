"""What goes into an operation and what comes out of it, as local files and JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


@dataclass(frozen=True)
class Frame:
    """One given file: where it lies here, what it is called, its content hash, and what was said about it.

    In a worker it is called by its label (number and start of its hash) and has no source, so that nothing of an
    outcome depends on names; only for scripts, and by oneself, it has those of its own.
    """

    path: Path
    basename: str
    source: str = ""
    sha256: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """The canonical inputs of one run by key, with every file list as a tuple of frames."""

    values: Mapping[str, Any]

    def frames(self, key: str) -> tuple[Frame, ...]:
        """Return the files of an input, in running order; none when it was left out."""
        return tuple(self.values.get(key) or ())

    def all_frames(self) -> tuple[Frame, ...]:
        """Return the files of all inputs."""
        lists = [value for value in self.values.values() if isinstance(value, tuple)]
        return tuple(frame for value in lists for frame in value if isinstance(frame, Frame))

    def text(self, key: str, default: str = "") -> str:
        """Return the words of an input."""
        value = self.values.get(key)
        return default if value is None else str(value)

    def number(self, key: str, default: float = 0.0) -> float:
        """Return the number of an input."""
        value = self.values.get(key)
        return default if value is None else float(value)


class OutputKind(StrEnum):
    """What an output file is for."""

    FITS = "fits"
    LARGE = "large"
    SMALL = "small"
    PNG = "png"
    TIF = "tif"
    TABLE = "table"
    DIAGNOSTIC = "diagnostic"


@dataclass(frozen=True)
class Output:
    """One file that an operation made; outputs of one index belong together, None when there is only one result."""

    path: Path
    kind: OutputKind
    index: int | None = None


@dataclass(frozen=True)
class Outcome:
    """All that an operation made: files, a JSON table, and what its reader should know."""

    outputs: tuple[Output, ...] = ()
    data: JSON = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """What a run will take: an upper bound of memory, and a guess of time on one modest processor."""

    peak_bytes: int
    seconds: float


def plain(value: Any) -> JSON:
    """Return a value as strict JSON: arrays as lists, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in JSON.")
