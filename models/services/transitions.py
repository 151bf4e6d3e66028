"""State transitions of every noun, each one atomic with its history entry and its outbox messages."""

from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from core.database.connection import transaction
from core.errors import Conflict
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage, update_with_outbox
from models.permissions.principal import Actor
from models.services.accounts import history, tokens
from models.state_machine import StateMachine

State = TypeVar("State", bound=StrEnum)


class StatefulRow(Protocol[State]):
    """A row whose table declares its states."""

    @property
    def states(self) -> StateMachine[Any, State]:
        """The declaration."""

    @property
    def state(self) -> State:
        """The current state."""

    @property
    def pk(self) -> Any:
        """The primary key."""

    def update_from_dict(self, data: dict[Any, Any]) -> Any:
        """Set attributes."""


async def transition(
    row: StatefulRow[State],
    to: State,
    actor: Actor,
    *,
    cause: str = "",
    expected_fence: int | None = None,
    messages: Sequence[OutboxMessage] = (),
    **changes: Any,
) -> None:
    """Change the state of a row and other columns; outside a transaction it is one statement.

    Conflict if the row's `states` do not allow it, if the row was changed since it was read, or if its fence is not
    `expected_fence`. `messages` are sent besides the events of the change.
    """
    machine, before = row.states, row.state
    if to not in machine.transitions[before]:
        article = "An" if machine.noun[0] in "aeiou" else "A"
        raise Conflict(f"{article} {machine.noun} that is {before} cannot become {to}. Read it again.")
    values = {"state": to, **changes, **(machine.columns(to) if machine.columns else {})}
    expected = {"id": row.pk, "state": before} | ({} if expected_fence is None else {"fence": expected_fence})
    entry = history.transition_entry(machine.resource, row.pk, actor, before, to, cause)
    events = [*messages, *map(outbox.event, machine.topics(row, to))]
    ends_container = bool(machine.container_column) and not machine.transitions[to]
    table: Any = type(row)
    async with transaction() if ends_container else nullcontext():
        if not await update_with_outbox(table, expected, values, history=[entry], messages=events):
            raise Conflict(f"Another request changed the {machine.noun}. Read it again.")
        if ends_container:
            await tokens.revoke_container_tokens(machine.container_column, row.pk)
    row.update_from_dict(values)


def publish_change(row: StatefulRow[Any]) -> None:
    """Publish after the commit of the open transaction that the row changed."""
    outbox.enqueue_messages(change_events(row))


def change_events(row: StatefulRow[Any]) -> list[OutboxMessage]:
    """Return the events of a change that keeps the state."""
    return [outbox.event(topic) for topic in row.states.topics(row, row.state)]
