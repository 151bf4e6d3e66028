"""The states of a noun as data. A table declares a `StateMachine`; `models.services.transitions` runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from models.permissions.resources import Resource

Row = TypeVar("Row")
State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True, kw_only=True)
class StateMachine(Generic[Row, State]):
    """The allowed transitions of a noun, and what each one publishes, clears and revokes.

    `topics` returns the event topics of a change to a state, while the row has its former state. `columns` returns the
    columns that follow from a state. `container_column` is the column by which the token of the row's container refers
    to the row; a state without further transitions revokes that token.
    """

    resource: Resource
    noun: str
    transitions: Mapping[State, frozenset[State]]
    topics: Callable[[Row, State], Sequence[str]]
    columns: Callable[[State], Mapping[str, Any]] | None = None
    container_column: str = ""
