"""Commands that run one process each, for installations with many, and the demo against a running server."""

import json
from pathlib import Path

import typer

from carrel import demo, demo_data, servers, shutdown
from carrel.client import Client
from carrel.services import open_region, open_services
from carrel.up_demo import ADDRESSES
from core.concurrency.cancellable_thread import ThreadCancellation
from core.errors import BadInput
from core.settings import Settings
from jobs.functions.preflight import require_long_running_host
from models.services.sessions import regions


async def serve(settings: Settings) -> None:
    """Run the API until a signal comes."""
    await shutdown.until_signal(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with open_services(settings) as services:
        await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
        sockets = [servers.listen(settings.bind_host, servers.port_of(settings.api_url), "CARREL_API_URL")]
        await servers.api(services, sockets)


async def proxy(settings: Settings) -> None:
    """Run the proxy until a signal comes."""
    await shutdown.until_signal(_proxy(settings))


async def _proxy(settings: Settings) -> None:
    async with open_services(settings) as services:
        sockets = [servers.listen(settings.bind_host, servers.port_of(settings.sessions_url), "CARREL_SESSIONS_URL")]
        await servers.proxy(services, sockets)


async def work(settings: Settings) -> None:
    """Run the worker of the configured region until a signal comes."""
    await shutdown.until_signal(_work(settings))


async def _work(settings: Settings) -> None:
    require_long_running_host()
    async with open_services(settings) as services, open_region(settings) as engine:
        await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
        await servers.work(services, services.region_context(engine))


async def watch(settings: Settings) -> None:
    """Follow the engine of the configured region until a signal comes; functions run its jobs."""
    await shutdown.until_signal(_watch(settings))


async def _watch(settings: Settings) -> None:
    require_long_running_host()
    async with open_services(settings) as services, open_region(settings) as engine:
        await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
        await servers.watch(services, services.region_context(engine))


def demonstrate(settings: Settings, url: str, token: str) -> None:
    """Upload, import and launch the demo workstation on a running server."""
    client = _client(settings, url, token)
    archive = settings.data_dir / "workstation.tar.gz"
    session = demo.run(client, settings.docker_host or "", archive, typer.echo, ThreadCancellation())
    typer.echo(f"Running: {session.session_url}")


def demonstrate_data(settings: Settings, url: str, token: str) -> None:
    """Create the demo's data sessions on a running server unless they exist."""
    created = demo_data.run(_client(settings, url, token), typer.echo)
    typer.echo(f"Data sessions: {created.empty} (files only), {created.worked} (with operations).")


def _client(settings: Settings, url: str, token: str) -> Client:
    addresses = _read_addresses(settings.data_dir / ADDRESSES)
    client = Client(url or addresses.get("graphql", ""), token or addresses.get("token", ""))
    if not client.url or not client.token:
        raise BadInput("Give --url and --token, or start `carrel up` first.")
    return client


def _read_addresses(file: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return found
