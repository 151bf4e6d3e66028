"""A complete installation for tests: all processes over a separate database, Redis and engine."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import docker

from core.database import connection as database_connection
from core.database.connection import clear_statement_cache
from core.engine.factory import open_engine
from core.settings import Settings, load, variable
from models.accounts.tokens import TokenKind
from models.permissions.principal import SERVICE
from models.services.accounts import tokens, users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import regions
from models.tables import TABLES

CARREL = Path(sys.executable).with_name("carrel")
PASSWORD = "a long enough password"
ROLES = {"ada": "builder", "eve": "researcher"}
SMALL_REGION = "narrow"
"""A region with capacity 1, short timeouts and a fast sweep; `local` has the default settings."""
START_SECONDS = 30.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Account:
    """A user with a password and an API token."""

    name: str
    token: str
    password: str = PASSWORD


@dataclass(frozen=True)
class Installation:
    """The addresses of the processes, and the users."""

    settings: Settings
    engine: docker.APIClient
    people: Mapping[str, Account]

    @property
    def graphql(self) -> str:
        """Address of the API."""
        return f"{self.settings.api_url}/graphql"

    def container(self, workstation_url: str) -> str:
        """Return the name of the container behind a session's address."""
        origin = workstation_url.rsplit("/", 1)[0] if workstation_url.count("/") > 2 else workstation_url
        for found in self.engine.containers(filters={"label": f"carrel.instance={self.settings.instance}"}):
            for variable_ in self.engine.inspect_container(found["Id"])["Config"]["Env"]:
                name, _, value = variable_.partition("=")
                if name == "CARREL_SESSION_URL" and origin.startswith(value):
                    return str(found["Names"][0].removeprefix("/"))
        raise AssertionError(f"No container runs for {workstation_url}.")


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def open_installation(folder: Path, *, database_url: str, redis_url: str, docker_host: str) -> Iterator[Installation]:
    """Run API, proxy and two workers over a migrated database, and remove everything at the end."""
    settings = load(
        data_dir=folder,
        database_url=database_url,
        redis_url=redis_url,
        docker_host=docker_host,
        instance=f"e2e-{uuid4().hex[:8]}",
        api_url=f"http://127.0.0.1:{free_port()}",
        sessions_url=f"http://sessions.localhost:{free_port()}",
        health_port=0,
        requests_per_minute=100_000,
    )
    people = asyncio.run(_create_users_and_region(settings))
    gateway = asyncio.run(_gateway(settings))
    with ExitStack() as stack:
        engine = docker.APIClient(docker_host, timeout=60)
        stack.callback(engine.close)
        stack.callback(remove_instance, engine, settings.instance)
        _start(stack, settings, gateway)
        yield Installation(settings, engine, people)


def _start(stack: ExitStack, settings: Settings, gateway: str) -> None:
    """Start the processes. The workers pass containers an address of the API that they can reach."""
    inside = {"CARREL_API_URL": f"http://{gateway}:{urlsplit(settings.api_url).port}"}
    impatient = {
        "CARREL_REGION": SMALL_REGION,
        "CARREL_REGION_CAPACITY": "1",
        "CARREL_SESSION_START_SECONDS": "4",
        "CARREL_SWEEP_SECONDS": "0.5",
    }
    api = stack.enter_context(process(settings, "serve", CARREL_BIND_HOST="0.0.0.0"))  # noqa: S104 - containers call it
    proxy = stack.enter_context(process(settings, "proxy"))
    stack.enter_context(process(settings, "worker", **inside))
    stack.enter_context(process(settings, "worker", name="impatient-worker", **inside, **impatient))
    wait_for_status(api, f"{settings.api_url}/health", 200)
    wait_for_status(proxy, settings.sessions_url, 404)


@contextmanager
def process(settings: Settings, command: str, *, name: str = "", **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `carrel COMMAND`; at the end Ctrl-C must stop it in time, with exit code 0 and no traceback in its log."""
    log = settings.data_dir / f"{name or command}.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [CARREL, command],
            env=environment(settings, **changes),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield running
    finally:
        code = interrupt(running)
    text = log.read_text(errors="replace")
    assert code == 0, f"carrel {command} ended with {code}:\n{text[-4000:]}"
    assert "Traceback" not in text, f"carrel {command} logged a failure:\n{text[-8000:]}"


def interrupt(running: "subprocess.Popen[bytes]") -> int:
    """Send Ctrl-C and return the exit code; kill the process if it does not stop in time."""
    if running.poll() is None:
        running.send_signal(signal.SIGINT)
    try:
        return running.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        return running.wait()


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    """Return the environment variables of these settings."""
    own = {
        variable(field): value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        for field, value in settings
        if value is not None
    }
    return {**os.environ, **own, **changes}


def wait_for_status(server: "subprocess.Popen[bytes]", url: str, status: int) -> None:
    """Wait until a server answers with this status."""
    parts = urlsplit(url)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        connection = HTTPConnection("127.0.0.1", parts.port or 80, timeout=5)
        try:
            connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
            if connection.getresponse().status == status:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(f"{url} did not answer {status} within {START_SECONDS:g} s, or its process has ended.")


def remove_instance(engine: docker.APIClient, instance: str) -> None:
    """Remove every container and the network of an instance."""
    for container in engine.containers(all=True, filters={"label": f"carrel.instance={instance}"}):
        engine.remove_container(container["Id"], force=True)
    for network in engine.networks(names=[f"{instance}-sessions"]):
        engine.remove_network(network["Id"])


async def _create_users_and_region(settings: Settings) -> dict[str, Account]:
    """Create the users and the default region."""
    clear_statement_cache()
    await database_connection.connect(settings, TABLES)
    try:
        await sync_default_roles()
        await regions.ensure(settings.region, settings.region_capacity)
        return {name: await _person(name, role) for name, role in ROLES.items()}
    finally:
        await database_connection.disconnect()


async def _person(name: str, role: str) -> Account:
    user = await users.register(name, PASSWORD, role=role)
    _, minted = await tokens.mint(user.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1), name="tests")
    return Account(name, minted.text)


async def _gateway(settings: Settings) -> str:
    engine = open_engine(settings.docker_host or "")
    try:
        return await engine.ensure_network(f"{settings.instance}-sessions")
    finally:
        await engine.close()
