"""Handing over a table: as JSON, strict, in the result and as a file."""

import json
from pathlib import Path
from typing import Any

from operations.delivery import STEM
from operations.outcome import Outcome, Output, OutputKind, plain


def handed_over(data: dict[str, Any], folder: Path, warnings: tuple[str, ...] = ()) -> Outcome:
    """Write the table into the folder and return it as the outcome."""
    path = folder / f"{STEM}.json"
    strict = plain(data)
    path.write_text(json.dumps(strict, allow_nan=False))
    return Outcome((Output(path, OutputKind.TABLE),), strict, warnings)
