"""Statements that the database was asked, as Tortoise logs them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Counter(logging.Handler):
    """Keeps the statements that Tortoise logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.statements.append(record.getMessage())


@contextmanager
def counting() -> Iterator[Counter]:
    """Keep the statements of the context."""
    counter, logger = Counter(), logging.getLogger("tortoise.db_client")
    level = logger.level
    logger.addHandler(counter)
    logger.setLevel(logging.DEBUG)
    try:
        yield counter
    finally:
        logger.removeHandler(counter)
        logger.setLevel(level)
