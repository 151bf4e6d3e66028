"""Did everything end as promised? Rows, history, tokens and containers are compared; each fault is one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.engine.protocol import Container, ContainerState
from core.messaging.outbox import OutboxMessage
from jobs.context import session_id_of
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.accounts.users import Token, TokenKind
from models.sessions.sessions import ENDINGS, MOVES, Reason, Session, SessionState

Expected = Mapping[int, tuple[SessionState, frozenset[Reason | None]]]
SETTLED = ENDINGS | {SessionState.RUNNING}


@dataclass(frozen=True)
class Engine:
    """What the engine holds, and how often it made a container of each name where it counts that."""

    containers: Sequence[Container]
    creates: Mapping[str, int]


async def faults(expected: Expected, engine: Engine) -> list[str]:
    """Return what is not as it should be."""
    rows = await Session.all().order_by("id")
    found = [f"{len(rows)} rows, {len(expected)} launches"] if len(rows) != len(expected) else []
    found += [fault for row in rows for fault in _of_row(row, expected)]
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
    alive = {session_id_of(held.name) for held in engine.containers if held.state is ContainerState.RUNNING}
    dead = [held.name for held in engine.containers if held.state is not ContainerState.RUNNING]
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
    return [fault for row in rows for fault in _of_chain(row, chains.get(row.id, []))]


def _of_chain(row: Session, chain: Sequence[HistoryEntry]) -> list[str]:
    states = [SessionState(entry.to_state) for entry in chain if entry.to_state]
    told = " → ".join(states)
    if not chain or chain[0].action != "launch" or states[-1] is not row.state:
        return [f"the history of session {row.id} tells {told or 'nothing'}, and the row {row.state}"]
    steps = [(SessionState(str(later.from_state)), SessionState(str(later.to_state))) for later in chain[1:]]
    broken = [came_from for came_from, _ in steps] != states[:-1]
    illegal = any(to not in MOVES[came_from] for came_from, to in steps)
    return [f"the history of session {row.id} is no chain: {told}"] if broken or illegal else []


async def _of_tokens(rows: Sequence[Session]) -> list[str]:
    live = await Token.filter(kind=TokenKind.DESK, revoked_at=None).values_list("session_id", flat=True)
    held = {int(str(key)) for key in live}
    return [
        *(f"ended session {row.id} has a live token" for row in rows if row.state in ENDINGS and row.id in held),
        *(f"running session {row.id} has no token" for row in rows if row.state not in ENDINGS and row.id not in held),
    ]
