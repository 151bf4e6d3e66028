"""The statements sent to the database, from Tortoise's log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Counter(logging.Handler):
    """Records the statements that Tortoise logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Record one statement."""
        self.statements.append(record.getMessage())


@contextmanager
def counting() -> Iterator[Counter]:
    """Record the statements sent while the context is open."""
    counter, logger = Counter(), logging.getLogger("tortoise.db_client")
    level = logger.level
    logger.addHandler(counter)
    logger.setLevel(logging.DEBUG)
    try:
        yield counter
    finally:
        logger.removeHandler(counter)
        logger.setLevel(level)
