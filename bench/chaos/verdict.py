"""Compares rows, history, tokens and containers after a chaos run; each violation is one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.engine.protocol import Container, ContainerState
from core.messaging.outbox import OutboxMessage
from jobs.context import session_id_of
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.accounts.tokens import Token, TokenKind
from models.sessions.sessions import TERMINAL_STATES, TRANSITIONS, Reason, Session, SessionState

Expected = Mapping[int, tuple[SessionState, frozenset[Reason | None]]]
SETTLED = TERMINAL_STATES | {SessionState.RUNNING}


@dataclass(frozen=True)
class Engine:
    """The engine's containers, and how often each container name was created."""

    containers: Sequence[Container]
    creates: Mapping[str, int]


async def find_violations(expected: Expected, engine: Engine) -> list[str]:
    """Return a sentence for each violation."""
    rows = await Session.all().order_by("id")
    found = [f"{len(rows)} rows, {len(expected)} launches"] if len(rows) != len(expected) else []
    found += [violation for row in rows for violation in _of_row(row, expected)]
    found += _of_containers(rows, engine)
    found += await _of_history(rows)
    found += await _of_tokens(rows)
    left = await OutboxMessage.all().count()
    return [*found, f"{left} messages are left in the outbox"] if left else found


def _of_row(row: Session, expected: Expected) -> list[str]:
    if row.state not in SETTLED:
        return [f"session {row.id} is stuck in {row.state}"]
    state, reasons = expected[row.id]
    if row.state is not state or row.reason_code not in reasons:
        wanted = "/".join(str(reason) for reason in reasons)
        return [f"session {row.id} is {row.state} ({row.reason_code}) and not {state} ({wanted})"]
    return []


def _of_containers(rows: Sequence[Session], engine: Engine) -> list[str]:
    running = {row.id for row in rows if row.state is SessionState.RUNNING}
    alive = {
        session_id_of(container.name) for container in engine.containers if container.state is ContainerState.RUNNING
    }
    dead = [container.name for container in engine.containers if container.state is not ContainerState.RUNNING]
    return [
        *(f"session {key} runs without a container" for key in running - alive),
        *(f"the container of {key} runs without a running session" for key in alive - running),
        *(f"the container {name} is dead and was left" for name in dead),
        *(f"{name} was created {count} times" for name, count in engine.creates.items() if count != 1),
    ]


async def _of_history(rows: Sequence[Session]) -> list[str]:
    entries = await HistoryEntry.filter(resource=Resource.SESSION).order_by("id")
    chains: dict[int, list[HistoryEntry]] = {}
    for entry in entries:
        chains.setdefault(entry.object_id, []).append(entry)
    return [violation for row in rows for violation in _of_chain(row, chains.get(row.id, []))]


def _of_chain(row: Session, chain: Sequence[HistoryEntry]) -> list[str]:
    states = [SessionState(entry.to_state) for entry in chain if entry.to_state]
    path = " → ".join(states)
    if not chain or chain[0].action != "launch" or states[-1] is not row.state:
        return [f"the history of session {row.id} has {path or 'nothing'}, and the row {row.state}"]
    steps = [(SessionState(str(later.from_state)), SessionState(str(later.to_state))) for later in chain[1:]]
    broken = [came_from for came_from, _ in steps] != states[:-1]
    illegal = any(to not in TRANSITIONS[came_from] for came_from, to in steps)
    return [f"the history of session {row.id} is no chain: {path}"] if broken or illegal else []


async def _of_tokens(rows: Sequence[Session]) -> list[str]:
    live = await Token.filter(kind=TokenKind.SESSION, revoked_at=None).values_list("session_id", flat=True)
    container = {int(str(key)) for key in live}
    return [
        *(
            f"ended session {row.id} has a live token"
            for row in rows
            if row.state in TERMINAL_STATES and row.id in container
        ),
        *(
            f"running session {row.id} has no token"
            for row in rows
            if row.state not in TERMINAL_STATES and row.id not in container
        ),
    ]
