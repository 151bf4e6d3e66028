"""Checks of numbers and lists that all kinds of inputs share."""

import math
from collections.abc import Sequence
from typing import Any

from core.errors import BadInput
from operations.framework.inputs.input import Path

MAX_PRINTED_BITS = 1000


def as_number(value: Any, name: str, path: Path) -> float:
    """Return a finite number; a string that spells a number is accepted, a boolean is not."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(f"{name} must be a number, not {format_value(value)}.", path=path)
    return number


def as_list(value: Any, name: str, path: Path, minimum: int, maximum: int, items: str) -> Sequence[Any]:
    """Return a list of an allowed length."""
    if not isinstance(value, list | tuple):
        raise BadInput(f"{name} must be a list of {items}.", path=path)
    if len(value) < minimum:
        raise BadInput(f"{name} needs at least {minimum} {items}, not {len(value)}.", path=path)
    if len(value) > maximum:
        raise BadInput(f"{name} takes at most {maximum} {items}, not {len(value)}.", path=path)
    return value


def format_value(value: Any) -> str:
    """Return a value as a message quotes it, shortened if it is long."""
    if isinstance(value, int) and value.bit_length() > MAX_PRINTED_BITS:
        # repr of such an int is slow, and above 4300 digits an error.
        return "a number of hundreds of digits"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
