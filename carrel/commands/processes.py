"""Each process on its own, for operators who run many, and the demo against a running server."""

import json
from pathlib import Path

import typer

from carrel import demo, demo_data, servers, shutdown
from carrel.client import Client
from carrel.services import open_kernel, open_region
from core.concurrency.cancellable_thread import Patience
from core.errors import BadInput
from core.settings import Settings
from jobs.functions.preflight import refuse_to_follow
from models.services.sessions import regions


async def serve(settings: Settings) -> None:
    """Run the API until a signal comes."""
    await shutdown.until_signal(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with open_kernel(settings) as kernel:
        await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
        sockets = [servers.listen(settings.bind_host, servers.port_of(settings.api_url), "CARREL_API_URL")]
        await servers.api(kernel, sockets)


async def proxy(settings: Settings) -> None:
    """Run the proxy until a signal comes."""
    await shutdown.until_signal(_proxy(settings))


async def _proxy(settings: Settings) -> None:
    async with open_kernel(settings) as kernel:
        sockets = [servers.listen(settings.bind_host, servers.port_of(settings.sessions_url), "CARREL_SESSIONS_URL")]
        await servers.proxy(kernel, sockets)


async def work(settings: Settings) -> None:
    """Run the worker of the configured region until a signal comes."""
    await shutdown.until_signal(_work(settings))


async def _work(settings: Settings) -> None:
    refuse_to_follow()
    async with open_kernel(settings) as kernel, open_region(settings) as engine:
        await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
        await servers.work(kernel, kernel.runtime(engine))


async def watch(settings: Settings) -> None:
    """Follow the engine of the configured region until a signal comes; its jobs are done by functions."""
    await shutdown.until_signal(_watch(settings))


async def _watch(settings: Settings) -> None:
    refuse_to_follow()
    async with open_kernel(settings) as kernel, open_region(settings) as engine:
        await regions.ensure(settings.region, settings.region_capacity, settings.region_ping_url)
        await servers.watch(kernel, kernel.runtime(engine))


def demonstrate(settings: Settings, url: str, token: str) -> None:
    """Upload, import and launch the demo workstation on a running server."""
    client = _client(settings, url, token)
    archive = settings.data_dir / "workstation.tar.gz"
    shown = demo.run(client, settings.docker_host or "", archive, typer.echo, Patience())
    typer.echo(f"Running: {shown.session_url}")


def demonstrate_data(settings: Settings, url: str, token: str) -> None:
    """Make the demo's data sessions on a running server; harmless when they are there."""
    made = demo_data.run(_client(settings, url, token), typer.echo)
    typer.echo(f"Data sessions: {made.empty} (files alone), {made.worked} (with operations).")


def _client(settings: Settings, url: str, token: str) -> Client:
    known = _known(settings.data_dir / "up.json")
    client = Client(url or known.get("graphql", ""), token or known.get("token", ""))
    if not client.url or not client.token:
        raise BadInput("Say --url and --token, or start `carrel up` first.")
    return client


def _known(file: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return found
