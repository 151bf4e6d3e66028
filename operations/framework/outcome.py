"""The inputs and results of a run, as local files and JSON; both can be pickled for a worker process."""

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
    """One input file: its local path, name, content hash, and the parameters that the caller sent with it.

    In a worker `basename` is a label (number and start of the hash) and `source` is empty, so that no result depends on
    file names. Scripts and local runs use the file's own name.
    """

    path: Path
    basename: str
    source: str = ""
    sha256: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunInputs:
    """The canonical inputs of one run by key, with every file list as a tuple of frames."""

    values: Mapping[str, Any]

    def frames(self, key: str) -> tuple[Frame, ...]:
        """Return the files of an input in the order of the run; empty if it was left out."""
        return tuple(self.values.get(key) or ())

    def all_frames(self) -> tuple[Frame, ...]:
        """Return the files of all inputs."""
        lists = [value for value in self.values.values() if isinstance(value, tuple)]
        return tuple(frame for value in lists for frame in value if isinstance(frame, Frame))

    def text(self, key: str, default: str = "") -> str:
        """Return the text of an input."""
        value = self.values.get(key)
        return default if value is None else str(value)

    def number(self, key: str, default: float = 0.0) -> float:
        """Return the number of an input."""
        value = self.values.get(key)
        return default if value is None else float(value)


class OutputKind(StrEnum):
    """The role of an output file."""

    FITS = "fits"
    LARGE = "large"
    SMALL = "small"
    PNG = "png"
    TIF = "tif"
    TABLE = "table"
    DIAGNOSTIC = "diagnostic"


@dataclass(frozen=True)
class Output:
    """One file that an operation wrote; outputs of one index belong together, None if there is only one result."""

    path: Path
    kind: OutputKind
    index: int | None = None


@dataclass(frozen=True)
class OperationOutcome:
    """The result of a run: files, a JSON table, and warnings to the reader."""

    outputs: tuple[Output, ...] = ()
    data: JSON = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """The expected cost of a run: an upper bound of its memory, and its approximate time on one modest processor."""

    peak_bytes: int
    seconds: float


def to_strict_json(value: Any) -> JSON:
    """Return a value as strict JSON: arrays as lists, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): to_strict_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return to_strict_json(value.tolist())
    if isinstance(value, list | tuple):
        return [to_strict_json(item) for item in value]
    if isinstance(value, np.generic):
        return to_strict_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be written as JSON.")
