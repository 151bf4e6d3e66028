"""Everything on one machine: find or start what is missing, run API, proxy and worker, show the main job."""

import asyncio
import json
import logging
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from carrel import demo, demo_data, shutdown
from carrel import servers as carrel_servers
from carrel.client import Client
from carrel.services import Kernel, open_kernel, open_region
from core.clock import now
from core.concurrency.cancellable_thread import on_a_thread
from core.database.connection import transaction
from core.engine.local.discovery import engine_host
from core.engine.protocol import Engine
from core.errors import CarrelError, EngineError, Unavailable
from core.redis.client import MEMORY
from core.redis.server import RedisServer, binary
from core.settings import Settings
from jobs.context import Runtime
from jobs.periodic import reconcile
from jobs.sessions.stop import session_stop
from models.accounts.users import Token, TokenKind, User
from models.permissions.actor import SERVICE
from models.services.accounts import users
from models.services.migration import migrate
from models.services.sessions import regions, sessions
from models.sessions.sessions import LIVE, Session
from schema.http.sign_in import mint_sign_in_code

log = logging.getLogger("carrel")

DEMO = "demo"
TOKEN_NAME = "carrel up"  # noqa: S105 - the name of a token, not its secret
STOP_SECONDS = 15.0
CLEAR_SECONDS = 10.0
AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Demo:
    """The demo user's ways in: a token for scripts, a one-time code for a browser, the password if it is new."""

    token: str
    code: str
    password: str | None


@dataclass(frozen=True)
class Running:
    """Everything that runs while Carrel is up."""

    kernel: Kernel
    runtime: Runtime
    processes: list[asyncio.Task[None]]


async def run(settings: Settings, console: Console) -> None:
    """Come up, show the addresses, stay until Ctrl-C, and take everything down again; Ctrl-C is heeded at any time."""
    stop = shutdown.on_signal()
    async with AsyncExitStack() as stack:
        here = await shutdown.unless(stop, _come_up(stack, settings, console))
        if here is not None:
            try:
                await _stay(stop, here, console)
            finally:
                (settings.data_dir / "up.json").unlink(missing_ok=True)
                console.print("\nStopping: sessions, then servers …")
                await _stop_sessions(here)


async def _come_up(stack: AsyncExitStack, settings: Settings, console: Console) -> Running:
    settings = await _prepare(stack, settings, console)
    kernel = await stack.enter_async_context(open_kernel(settings))
    engine = await stack.enter_async_context(open_region(settings))
    await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
    return await stack.enter_async_context(_processes(kernel, engine))


async def _stay(stop: asyncio.Event, here: Running, console: Console) -> None:
    await _until(stop, here.processes, _show(here.kernel, console))
    if not stop.is_set():
        await _until(stop, here.processes, stop.wait())


async def _prepare(stack: AsyncExitStack, settings: Settings, console: Console) -> Settings:
    """Return the settings with an address for everything, having started what had none."""
    found: dict[str, str] = {}
    if not settings.redis_url:
        found["redis_url"] = await _redis(stack, settings, console)
    folder = settings.data_dir / "engine"
    found["docker_host"] = await stack.enter_async_context(
        engine_host(settings.docker_host, folder, lambda line: console.print(f"  {line}"))
    )
    applied = await migrate(settings)
    if applied:
        console.print(f"  database: {len(applied)} migrations applied")
    return settings.model_copy(update=found)


async def _redis(stack: AsyncExitStack, settings: Settings, console: Console) -> str:
    if binary() is None:
        console.print("  no Redis found: wake-ups and events live in this process; install redis-server to keep them")
        return MEMORY
    server = RedisServer(settings.data_dir / "redis")
    url = await server.start()
    stack.push_async_callback(server.stop)
    return url


@asynccontextmanager
async def _processes(kernel: Kernel, engine: Engine) -> AsyncIterator[Running]:
    """Run API, proxy and worker while the context is open; no container of ours is left after it."""
    settings = kernel.settings
    api_sockets = [
        carrel_servers.listen(settings.bind_host, carrel_servers.port_of(settings.api_url), "CARREL_API_URL")
    ]
    inside = await _inside(settings, engine, api_sockets)
    proxy_sockets = [
        carrel_servers.listen(settings.bind_host, carrel_servers.port_of(settings.sessions_url), "CARREL_SESSIONS_URL")
    ]
    runtime = kernel.runtime(engine, inside)
    tasks = [
        asyncio.create_task(carrel_servers.api(kernel, api_sockets), name="API"),
        asyncio.create_task(carrel_servers.proxy(kernel, proxy_sockets), name="proxy"),
        asyncio.create_task(carrel_servers.work(kernel, runtime), name="worker"),
    ]
    try:
        yield Running(kernel, runtime, tasks)
    finally:
        await shutdown.end(tasks)
        await _clear(runtime)


async def _clear(runtime: Runtime) -> None:
    """Take away what a launch that was cut off has made after its session's end."""
    try:
        async with asyncio.timeout(CLEAR_SECONDS):
            await reconcile(runtime)
    except (TimeoutError, EngineError) as error:
        log.warning("containers may be left, which the next start takes away (%s)", error or "no answer in time")


async def _inside(settings: Settings, engine: Engine, sockets: list[socket.socket]) -> str:
    """Listen where containers reach the API, on the engine's own bridge, and return that address."""
    gateway = await engine.ensure_network(f"{settings.instance}-sessions")
    port = carrel_servers.port_of(settings.api_url)
    if gateway == settings.bind_host:
        return settings.api_url
    try:
        sockets.append(carrel_servers.listen(gateway, port, "CARREL_API_URL"))
    except Unavailable as refusal:
        log.warning("containers reach the API at its public address only: %s", refusal)
        return settings.api_url
    return f"http://{gateway}:{port}"


async def _until(stop: asyncio.Event, processes: list[asyncio.Task[None]], work: object) -> None:
    """Await `work`, but end early on a signal; when a process ends by itself, fail with its reason."""
    doing = asyncio.ensure_future(work)  # type: ignore[call-overload]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, stopping, *processes}, return_when=asyncio.FIRST_COMPLETED)
        for process in processes:
            if process.done():
                process.result()
                raise Unavailable(f"The {process.get_name()} has ended by itself; the log says why.")
        if doing.done():
            doing.result()
    finally:
        await shutdown.end([doing, stopping])


async def _show(kernel: Kernel, console: Console) -> None:
    """Run the demo and print the addresses."""
    settings = kernel.settings
    visitor = await _demo_user(kernel)
    client = Client(f"{settings.api_url}/graphql", visitor.token)
    archive = settings.data_dir / "workstation.tar.gz"

    def say(line: str) -> None:
        console.print(f"  {line}", markup=False)

    try:
        shown = await on_a_thread(partial(demo.run, client, settings.docker_host or "", archive, say))
    except CarrelError as error:
        console.print(f"  The demo could not be shown: {error.message}", style="red", markup=False)
        shown = demo.Shown("", "")
    made = await _data(client, console)
    _print(kernel, console, visitor, shown)
    await asyncio.to_thread(_write, kernel, visitor, shown, made)


async def _data(client: Client, console: Console) -> str:
    """Make sure of the demo's data sessions, and return the id of the one in which operations ran."""
    try:
        made = await asyncio.to_thread(demo_data.run, client, lambda line: console.print(f"  {line}", markup=False))
    except CarrelError as error:
        console.print(f"  The demo's data sessions could not be made: {error.message}", style="red", markup=False)
        return ""
    return made.worked


async def _demo_user(kernel: Kernel) -> Demo:
    user, password = await User.get_or_none(username=DEMO), None
    if user is None:
        password = secrets.token_urlsafe(12)
        user = await users.register(DEMO, password, role="operator")
    async with transaction():
        for token in await Token.filter(user_id=user.id, name=TOKEN_NAME, revoked_at=None):
            await users.revoke(token, actor=SERVICE, cause="carrel up was started again")
        _, minted = await users.mint_token(
            user.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(days=7), name=TOKEN_NAME
        )
    code = secrets.token_urlsafe(24)
    await mint_sign_in_code(kernel.redis, user.id, code)
    return Demo(minted.text, code, password)


def _print(kernel: Kernel, console: Console, visitor: Demo, shown: demo.Shown) -> None:
    settings = kernel.settings
    lines = [
        ("GraphiQL, signed in (once)", f"{settings.api_url}/sign-in?code={visitor.code}"),
        ("GraphQL", f"{settings.api_url}/graphql"),
        ("SDL", f"{settings.api_url}/schema.graphql"),
        ("Running session", shown.session_url or "none"),
        ("Data", str(settings.data_dir)),
        ("For scripts", str(settings.data_dir / "up.json")),
    ]
    if visitor.password:
        lines.append(("User demo, password (shown once)", visitor.password))
    console.print("\nCarrel is up.\n", style="bold green")
    for name, value in lines:
        console.print(f"  {name:34}{value}", soft_wrap=True, markup=False, highlight=False)
    console.print("\n  Open GraphiQL first: it signs your browser in, for the session too.")
    console.print("  Ctrl-C ends everything, sessions included.\n")


def _write(kernel: Kernel, visitor: Demo, shown: demo.Shown, datasession: str) -> None:
    """Write the addresses for scripts, readable by this user alone."""
    settings = kernel.settings
    parts = urlsplit(settings.sessions_url)
    facts = {
        "graphql": f"{settings.api_url}/graphql",
        "sdl": f"{settings.api_url}/schema.graphql",
        "token": visitor.token,
        "sessionId": shown.session_id,
        "sessionUrl": shown.session_url,
        "datasessionId": datasession,
        "proxy": f"{parts.scheme}://{parts.netloc}",
        "startedAt": now().isoformat(),
    }
    file = settings.data_dir / "up.json"
    _replace(file, json.dumps(facts, indent=2) + "\n")


def _replace(file: Path, text: str) -> None:
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.chmod(0o600)
    part.write_text(text)
    part.replace(file)


async def _stop_sessions(here: Running) -> None:
    """End every live session, here and now: neither Redis nor a free worker is needed for it."""
    try:
        async with asyncio.timeout(STOP_SECONDS), here.kernel.bus.subscribe() as hints:
            while live := await Session.filter(state__in=list(LIVE)):
                ends = await asyncio.gather(*(_stop(here.runtime, each) for each in live), return_exceptions=True)
                for failure in {type(each): each for each in ends if isinstance(each, Exception)}.values():
                    log.warning("a session could not be stopped yet (%s)", failure)
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_SECONDS):
                        await hints.wait()
    except TimeoutError:
        log.warning("some sessions did not end in time; the next start ends them")


async def _stop(runtime: Runtime, session: Session) -> None:
    await sessions.request_stop(session, actor=SERVICE, cause="Carrel was stopped.")
    await session_stop({"runtime": runtime}, session.id)
