"""The command line `carrel`: parses options and runs the functions of carrel/commands; see `carrel COMMAND --help`."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from carrel import gc_tuning, logs, up
from carrel.commands import functions, processes, shell, users
from carrel.commands.functions import INTERVALS
from core.errors import CarrelError
from core.settings import Settings, load
from jobs.queues import FUNCTION_QUEUES
from models.services.migration import migrate as run_migrations
from schema.app import SDL

app = typer.Typer(
    help="Carrel: a GraphQL server for research computing. Settings are environment variables; see docs/settings.md."
    " Example: carrel up.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
demo_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(users.app, name="user")
app.add_typer(demo_app, name="demo")


class CliOptions:
    """Options given before the command."""

    debug = False


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", envvar="CARREL_DEBUG", help="Show tracebacks of errors.")] = False,
) -> None:
    CliOptions.debug = debug


def run(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a command with the settings of the environment."""
    settings = load()
    logs.configure(settings.log_level)
    gc_tuning.freeze_gc()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(settings))


@app.command("up")
def up_command() -> None:
    """Run everything on this machine and launch the demo. Example: carrel up."""
    console = Console(stderr=False, highlight=False)
    console.print("Starting Carrel …", style="bold")
    run(lambda settings: up.run(settings, console))


@app.command()
def serve() -> None:
    """Run the API. Example: DATABASE_URL=… REDIS_URL=… carrel serve."""
    run(processes.serve)


@app.command()
def worker(
    follow_only: Annotated[
        bool,
        typer.Option(
            "--follow-only", envvar="CARREL_FOLLOW_ONLY", help="Follow the engine only; functions run the jobs."
        ),
    ] = False,
) -> None:
    """Run the worker of one region. Example: CARREL_REGION=local DOCKER_HOST=… carrel worker."""
    run(processes.watch if follow_only else processes.work)


@app.command()
def wake(
    queue: Annotated[
        str, typer.Option(envvar="CARREL_WAKE_QUEUE", help=f"Queue to drain: {' or '.join(FUNCTION_QUEUES)}.")
    ] = "",
    every: Annotated[
        str,
        typer.Option(
            envvar="CARREL_WAKE_EVERY", help=f"Periodic tasks to run: those of every {' or '.join(INTERVALS)}."
        ),
    ] = "",
) -> None:
    """Wake a function with a signed request, for the timer of a host. Example: carrel wake --every minute."""
    run(lambda settings: functions.wake(settings, queue, every))


@app.command()
def proxy() -> None:
    """Run the proxy of the sessions. Example: REDIS_URL=… carrel proxy."""
    run(processes.proxy)


@app.command()
def migrate() -> None:
    """Apply the migrations of the database. Example: carrel migrate."""
    run(_migrate)


async def _migrate(settings: Settings) -> None:
    applied = await run_migrations(settings)
    typer.echo(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


@app.command("shell")
def shell_command() -> None:
    """Open IPython with tables and services imported. Example: carrel shell."""
    shell.start(load())


@app.command()
def schema() -> None:
    """Print the GraphQL schema. Example: carrel schema > schema.graphql."""
    typer.echo(SDL, nl=False)


Url = Annotated[str, typer.Option(envvar="CARREL_GRAPHQL", help="GraphQL address; by default that of `carrel up`.")]
Token = Annotated[str, typer.Option(envvar="CARREL_TOKEN", help="API token; by default that of `carrel up`.")]


@demo_app.callback()
def demo(context: typer.Context, url: Url = "", token: Token = "") -> None:
    """Upload, import and launch a workstation on a running server. Example: carrel demo."""
    if context.invoked_subcommand is None:
        processes.demonstrate(load(), url, token)


@demo_app.command()
def data(url: Url = "", token: Token = "") -> None:
    """Create data sessions with real frames and run operations on them. Example: carrel demo data."""
    processes.demonstrate_data(load(), url, token)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused, 2 misused. Errors are one sentence unless --debug is set."""
    try:
        app()
    except CarrelError as error:
        _fail(error.message)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        logging.getLogger("carrel").debug("the command failed", exc_info=error)
        _fail(f"{type(error).__name__}: {error}")


def _fail(sentence: str) -> None:
    if CliOptions.debug:
        raise  # noqa: PLE0704 - called from except blocks only
    typer.echo(f"carrel: {sentence}", err=True)
    sys.exit(1)
