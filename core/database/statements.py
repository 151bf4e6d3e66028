"""Statements that are written by hand: text with placeholders, values, and what is inserted together with a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Statement:
    """A statement with as many values as it has placeholders."""

    text: str
    values: list[Any]


@dataclass(frozen=True)
class Addition:
    """New rows of one table; `columns` are in quotes, `types` are those of PostgreSQL without lengths."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    @property
    def values(self) -> list[Any]:
        """All values, row by row."""
        return [value for row in self.rows for value in row]


class Guarded(Protocol):
    """A connection that makes a change and what tells of it in one go."""

    async def guarded(self, update: Statement, additions: Sequence[Addition]) -> bool:
        """Insert the additions if the update found its row, and say whether it did; all of it or nothing.

        New rows that violate a unique column are left out.
        """
        ...
