"""Checks of plain values, for all kinds of inputs."""

import math
from collections.abc import Sequence
from typing import Any

from core.errors import BadInput
from operations.framework.inputs.input import Path

LONGEST_BITS = 1000


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
    if isinstance(value, int) and value.bit_length() > LONGEST_BITS:
        return "a number of hundreds of digits"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
