"""Each process on its own, for operators who run many, and the demo against a running server."""

import asyncio
import json
import signal
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import typer

from carrel import demo, demo_data, serving
from carrel.client import Client
from carrel.kernel import open_kernel, open_region
from core.errors import BadInput
from core.settings import Settings
from models.services import regions


async def serve(settings: Settings) -> None:
    """Run the API until a signal comes."""
    async with open_kernel(settings) as kernel:
        await regions.ensure(settings.region, settings.region_capacity)
        sockets = [serving.listen(settings.bind_host, serving.port_of(settings.api_url), "CARREL_API_URL")]
        await _until_signal(serving.api(kernel, sockets))


async def proxy(settings: Settings) -> None:
    """Run the proxy until a signal comes."""
    async with open_kernel(settings) as kernel:
        sockets = [serving.listen(settings.bind_host, serving.port_of(settings.sessions_url), "CARREL_SESSIONS_URL")]
        await _until_signal(serving.proxy(kernel, sockets))


async def work(settings: Settings) -> None:
    """Run the worker of the configured region until a signal comes."""
    async with open_kernel(settings) as kernel, open_region(settings) as engine:
        await regions.ensure(settings.region, settings.region_capacity)
        await _until_signal(serving.work(kernel, engine, settings.api_url))


async def _until_signal(process: Awaitable[None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    running = asyncio.ensure_future(process)
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not running.done():
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return
    running.result()


def demonstrate(settings: Settings, url: str, token: str) -> None:
    """Upload, import and launch the demo workstation on a running server."""
    client = _client(settings, url, token)
    shown = demo.run(client, settings.docker_host or "", settings.data_dir / "workstation.tar.gz", typer.echo)
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
