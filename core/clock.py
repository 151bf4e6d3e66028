"""The clock of the whole program: timezone-aware times in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
