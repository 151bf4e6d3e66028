"""The state of the fake engine: one SQLite file, so that several processes can share it."""

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from core.clock import now
from core.engine.protocol import (
    Address,
    Container,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    EngineImage,
    EventAction,
)

_TABLES = """
CREATE TABLE IF NOT EXISTS containers (
    name TEXT PRIMARY KEY, id TEXT, image TEXT, labels TEXT, environment TEXT, ports TEXT, state TEXT,
    exit_code INTEGER, oom_killed INTEGER DEFAULT 0, started_at REAL, finished_at REAL,
    dies_at REAL, dies_with INTEGER, logs TEXT DEFAULT ''
);
CREATE TABLE IF NOT EXISTS creates (seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, labels TEXT, action TEXT, exit_code INTEGER, at REAL
);
CREATE TABLE IF NOT EXISTS images (id TEXT PRIMARY KEY, image TEXT);
"""


@contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    """Exclude other processes: SQLite does not wait when two of them change the journal mode at once."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class FakeStore:
    """Containers, images and events of a fake engine; each call is one transaction, safe between processes.

    Containers keep their ports after they have exited, so that an engine can report them as running.
    """

    def __init__(self, path: Path) -> None:
        """Use the SQLite file at `path`, created when missing."""
        self._path = path
        with _exclusive_lock(path), closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_TABLES)

    def create(self, spec: ContainerSpec, ports: Mapping[int, Address]) -> bool:
        """Add the container as CREATED and count it; False when the name is taken."""
        with self._transaction() as connection:
            created = connection.execute(
                "INSERT OR IGNORE INTO containers (name, id, image, labels, environment, ports, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    spec.name,
                    uuid4().hex * 2,
                    spec.image,
                    json.dumps(dict(spec.labels)),
                    json.dumps(dict(spec.environment)),
                    json.dumps(ports),
                    ContainerState.CREATED,
                ),
            ).rowcount
            if created:
                connection.execute("INSERT INTO creates (name) VALUES (?)", (spec.name,))
        return bool(created)

    def start(self, name: str, dies_after: float | None, dies_with: int) -> None:
        """Change a CREATED container to RUNNING; it exits with `dies_with` after `dies_after` seconds, or never."""
        at = now().timestamp()
        dies_at = None if dies_after is None else at + dies_after
        with self._transaction() as connection:
            started = connection.execute(
                "UPDATE containers SET state = ?, started_at = ?, dies_at = ?, dies_with = ?"
                " WHERE name = ? AND state = ?",
                (ContainerState.RUNNING, at, dies_at, dies_with, name, ContainerState.CREATED),
            ).rowcount
            if started:
                _record(connection, name, EventAction.START, None, at)

    def exit(self, name: str, exit_code: int, *, oom_killed: bool = False) -> None:
        """Exit a running container; other states stay unchanged."""
        with self._transaction() as connection:
            _exit(connection, name, exit_code, now().timestamp(), oom_killed=oom_killed)

    def remove(self, name: str) -> None:
        """Delete the container, after its exit."""
        at = now().timestamp()
        with self._transaction() as connection:
            _exit(connection, name, 137, at)
            if connection.execute("SELECT 1 FROM containers WHERE name = ?", (name,)).fetchone():
                _record(connection, name, EventAction.REMOVE, None, at)
                connection.execute("DELETE FROM containers WHERE name = ?", (name,))

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """Return the containers that have `labels`, ordered by name."""
        with self._transaction() as connection:
            _apply_due_exits(connection)
            rows = connection.execute("SELECT * FROM containers ORDER BY name").fetchall()
        return [_container(row) for row in rows if labels.items() <= json.loads(row["labels"]).items()]

    def container(self, name: str) -> Container | None:
        """Return one container."""
        with self._transaction() as connection:
            _apply_due_exits(connection)
            row = connection.execute("SELECT * FROM containers WHERE name = ?", (name,)).fetchone()
        return _container(row) if row else None

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of the container."""
        with self._transaction() as connection:
            row = connection.execute("SELECT environment FROM containers WHERE name = ?", (name,)).fetchone()
        return dict(json.loads(row["environment"])) if row else {}

    def creation_counts(self) -> dict[str, int]:
        """Return how many containers of each name were created, removed ones included."""
        with self._transaction() as connection:
            return dict(connection.execute("SELECT name, count(*) FROM creates GROUP BY name").fetchall())

    def write_log(self, name: str, text: str) -> None:
        """Append lines to the container's log."""
        with self._transaction() as connection:
            line = text.rstrip("\n") + "\n"
            connection.execute("UPDATE containers SET logs = logs || ? WHERE name = ?", (line, name))

    def logs(self, name: str) -> list[str]:
        """Return the lines of the container's log."""
        with self._transaction() as connection:
            row = connection.execute("SELECT logs FROM containers WHERE name = ?", (name,)).fetchone()
        return row["logs"].splitlines() if row else []

    def last_event(self) -> int:
        """Return the number of the latest event."""
        with self._transaction() as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def events(self, labels: Mapping[str, str], after: int, since: datetime | None) -> tuple[int, list[EngineEvent]]:
        """Return the events numbered above `after` and not before `since`, and the number of the last one read."""
        with self._transaction() as connection:
            _apply_due_exits(connection)
            found = connection.execute(
                "SELECT * FROM events WHERE seq > ? AND at >= ? ORDER BY seq",
                (after, since.timestamp() if since else 0.0),
            )
            rows = found.fetchall()
        matching = [_event(row) for row in rows if labels.items() <= json.loads(row["labels"]).items()]
        return (rows[-1]["seq"] if rows else after), matching

    def add_image(self, image: EngineImage) -> None:
        """Add `image`, replacing one of the same id."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO images VALUES (?, ?)", (image.id, json.dumps(asdict(image))))

    def images(self) -> list[EngineImage]:
        """Return every image."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT image FROM images ORDER BY id").fetchall()
        return [_image(json.loads(row["image"])) for row in rows]

    def remove_image(self, image_id: str) -> None:
        """Delete the image."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM images WHERE id = ?", (image_id,))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
        connection.row_factory = sqlite3.Row
        # A fake need not survive a power failure.
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")


def _exit(connection: sqlite3.Connection, name: str, exit_code: int, at: float, *, oom_killed: bool = False) -> None:
    ended = connection.execute(
        "UPDATE containers SET state = ?, exit_code = ?, oom_killed = ?, finished_at = ?, dies_at = NULL"
        " WHERE name = ? AND state = ?",
        (ContainerState.EXITED, exit_code, oom_killed, at, name, ContainerState.RUNNING),
    ).rowcount
    if ended:
        _record(connection, name, EventAction.DIE, exit_code, at)


def _apply_due_exits(connection: sqlite3.Connection) -> None:
    """Exit the containers whose time has come; each read calls it, because no timer runs."""
    due = connection.execute("SELECT name, dies_with, dies_at FROM containers WHERE dies_at <= ?", (now().timestamp(),))
    for row in due.fetchall():
        _exit(connection, row["name"], row["dies_with"], row["dies_at"])


def _record(connection: sqlite3.Connection, name: str, action: EventAction, exit_code: int | None, at: float) -> None:
    connection.execute(
        "INSERT INTO events (name, labels, action, exit_code, at)"
        " SELECT name, labels, ?, ?, ? FROM containers WHERE name = ?",
        (action, exit_code, at, name),
    )


def _container(row: sqlite3.Row) -> Container:
    ports = {int(port): Address(*address) for port, address in json.loads(row["ports"]).items()}
    return Container(
        name=row["name"],
        id=row["id"],
        state=ContainerState(row["state"]),
        image=row["image"],
        labels=json.loads(row["labels"]),
        ports=ports,
        exit_code=row["exit_code"],
        oom_killed=bool(row["oom_killed"]),
        started_at=_to_datetime(row["started_at"]),
        finished_at=_to_datetime(row["finished_at"]),
    )


def _event(row: sqlite3.Row) -> EngineEvent:
    at = datetime.fromtimestamp(row["at"], UTC)
    return EngineEvent(row["name"], EventAction(row["action"]), row["exit_code"], at)


def _image(fields: dict[str, object]) -> EngineImage:
    tags, ports = fields.pop("tags"), fields.pop("exposed_ports")
    return EngineImage(**fields, tags=tuple(tags), exposed_ports=tuple(ports))  # type: ignore[arg-type]


def _to_datetime(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
