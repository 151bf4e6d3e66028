"""`carrel up`: finds or starts Redis and an engine, runs API, proxy and worker in one process, and runs the demo."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from rich.console import Console

from carrel import servers as carrel_servers
from carrel import shutdown, up_demo
from carrel.services import ProcessServices, open_region, open_services
from core.engine.local.discovery import engine_host
from core.engine.protocol import Engine
from core.errors import EngineError, Unavailable
from core.redis.client import MEMORY_URL
from core.redis.server import RedisServer, find_binary
from core.settings import Settings
from jobs.context import RegionContext
from jobs.sessions.stop import session_stop
from jobs.sessions.sweep import reconcile
from models.permissions.principal import SERVICE
from models.services.migration import migrate
from models.services.sessions import regions, sessions
from models.sessions.sessions import LIVE, Session

log = logging.getLogger("carrel")

STOP_SECONDS = 15.0
RECONCILE_SECONDS = 10.0
RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class RunningInstance:
    """The services and tasks of a running `carrel up`."""

    services: ProcessServices
    region_context: RegionContext
    processes: list[asyncio.Task[None]]


async def run(settings: Settings, console: Console) -> None:
    """Start everything, print the addresses, run until Ctrl-C, then stop everything; Ctrl-C works at any time."""
    stop = shutdown.on_signal()
    async with AsyncExitStack() as stack:
        running = await shutdown.run_until(stop, _start(stack, settings, console))
        if running is not None:
            try:
                await _serve_until_stopped(stop, running, console)
            finally:
                (settings.data_dir / up_demo.ADDRESSES).unlink(missing_ok=True)
                console.print("\nStopping: sessions, then servers …")
                await _stop_sessions(running)


async def _start(stack: AsyncExitStack, settings: Settings, console: Console) -> RunningInstance:
    settings = await _prepare(stack, settings, console)
    services = await stack.enter_async_context(open_services(settings))
    engine = await stack.enter_async_context(open_region(settings))
    await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
    return await stack.enter_async_context(_processes(services, engine))


async def _serve_until_stopped(stop: asyncio.Event, running: RunningInstance, console: Console) -> None:
    await _run_while_alive(stop, running.processes, up_demo.run(running.services, console))
    if not stop.is_set():
        await _run_while_alive(stop, running.processes, stop.wait())


async def _prepare(stack: AsyncExitStack, settings: Settings, console: Console) -> Settings:
    """Start what has no address in the settings, migrate, and return the settings with all addresses."""
    found: dict[str, str] = {}
    if not settings.redis_url:
        found["redis_url"] = await _start_redis(stack, settings, console)
    folder = settings.data_dir / "engine"
    found["docker_host"] = await stack.enter_async_context(
        engine_host(settings.docker_host, folder, lambda line: console.print(f"  {line}"))
    )
    applied = await migrate(settings)
    if applied:
        console.print(f"  database: {len(applied)} migrations applied")
    return settings.model_copy(update=found)


async def _start_redis(stack: AsyncExitStack, settings: Settings, console: Console) -> str:
    if find_binary() is None:
        console.print("  no Redis found: jobs and events are kept in memory only; install redis-server to persist them")
        return MEMORY_URL
    server = RedisServer(settings.data_dir / "redis")
    url = await server.start()
    stack.push_async_callback(server.stop)
    return url


@asynccontextmanager
async def _processes(services: ProcessServices, engine: Engine) -> AsyncIterator[RunningInstance]:
    """Run API, proxy and worker while the context is open; remove leftover containers afterwards."""
    settings = services.settings
    api_sockets = [
        carrel_servers.listen(settings.bind_host, carrel_servers.port_of(settings.api_url), "CARREL_API_URL")
    ]
    container_url = await _listen_for_containers(settings, engine, api_sockets)
    proxy_sockets = [
        carrel_servers.listen(settings.bind_host, carrel_servers.port_of(settings.sessions_url), "CARREL_SESSIONS_URL")
    ]
    region_context = services.region_context(engine, container_url)
    tasks = [
        asyncio.create_task(carrel_servers.api(services, api_sockets), name="API"),
        asyncio.create_task(carrel_servers.proxy(services, proxy_sockets), name="proxy"),
        asyncio.create_task(carrel_servers.work(services, region_context), name="worker"),
    ]
    try:
        yield RunningInstance(services, region_context, tasks)
    finally:
        await shutdown.end(tasks)
        await _remove_orphans(region_context)


async def _remove_orphans(region_context: RegionContext) -> None:
    """Remove containers that an interrupted launch created after its session had ended."""
    try:
        async with asyncio.timeout(RECONCILE_SECONDS):
            await reconcile(region_context)
    except (TimeoutError, EngineError) as error:
        log.warning(
            "containers may be left; the next start removes them (%s)", error or "the engine did not answer in time"
        )


async def _listen_for_containers(settings: Settings, engine: Engine, sockets: list[socket.socket]) -> str:
    """Listen on the engine's bridge, where containers reach the API, and return that address."""
    gateway = await engine.ensure_network(f"{settings.instance}-sessions")
    port = carrel_servers.port_of(settings.api_url)
    if gateway == settings.bind_host:
        return settings.api_url
    try:
        sockets.append(carrel_servers.listen(gateway, port, "CARREL_API_URL"))
    except Unavailable as error:
        log.warning("containers reach the API at its public address only: %s", error)
        return settings.api_url
    return f"http://{gateway}:{port}"


async def _run_while_alive(stop: asyncio.Event, processes: list[asyncio.Task[None]], work: object) -> None:
    """Await `work`, but return early on a signal; raise when one of `processes` ends by itself."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping, *processes}, return_when=asyncio.FIRST_COMPLETED)
        for process in processes:
            if process.done():
                process.result()
                raise Unavailable(f"The {process.get_name()} ended unexpectedly; see the log.")
        if task.done():
            task.result()
    finally:
        await shutdown.end([task, stopping])


async def _stop_sessions(running: RunningInstance) -> None:
    """Stop every live session in this process, without Redis or a free worker."""
    try:
        async with asyncio.timeout(STOP_SECONDS), running.services.bus.subscribe() as listener:
            while live := await Session.filter(state__in=list(LIVE)):
                results = await asyncio.gather(
                    *(_stop(running.region_context, session) for session in live), return_exceptions=True
                )
                for failure in {type(each): each for each in results if isinstance(each, Exception)}.values():
                    log.warning("a session could not be stopped yet (%s)", failure)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await listener.wait()
    except TimeoutError:
        log.warning("some sessions did not stop in time; the next start stops them")


async def _stop(region_context: RegionContext, session: Session) -> None:
    await sessions.request_stop(session, actor=SERVICE, cause="Carrel was stopped.")
    await session_stop({"region_context": region_context}, session.id)
