"""Hand-written statements: text, values, and the rows to insert with an update; shared by both engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Statement:
    """A statement and the values of its placeholders."""

    text: str
    values: list[Any]


@dataclass(frozen=True)
class Insert:
    """New rows of one table; `columns` are in quotes, `types` are those of PostgreSQL without lengths."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    @property
    def values(self) -> list[Any]:
        """All values, row by row."""
        return [value for row in self.rows for value in row]


class ConditionalWriter(Protocol):
    """A database connection that updates a row and inserts related rows atomically."""

    async def update_and_insert(self, update: Statement, inserts: Sequence[Insert]) -> bool:
        """Run the update and, if it matched a row, the inserts; return whether it matched.

        It is atomic. Inserted rows that violate a unique column are skipped.
        """
        ...
