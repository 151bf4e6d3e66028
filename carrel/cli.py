"""The command line: `carrel COMMAND --help` tells more."""

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
from core.errors import CarrelError
from core.settings import Settings, load
from models.services.migration import migrate as run_migrations
from schema.app import SDL

app = typer.Typer(
    help="Carrel: a GraphQL server for research computing. Settings are environment variables; README.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
demo_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(users.app, name="user")
app.add_typer(demo_app, name="demo")


class Options:
    """What was given before the command."""

    debug = False


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", envvar="CARREL_DEBUG", help="Show tracebacks.")] = False,
) -> None:
    Options.debug = debug


def run(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a command over the settings of the environment."""
    settings = load()
    logs.configure(settings.log_level)
    gc_tuning.settle()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(settings))


@app.command("up")
def up_command() -> None:
    """Run everything on this machine and show the main job. Example: carrel up."""
    console = Console(stderr=False, highlight=False)
    console.print("Carrel is coming up …", style="bold")
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
            "--follow-only", envvar="CARREL_FOLLOW_ONLY", help="Follow the engine only; functions do the jobs."
        ),
    ] = False,
) -> None:
    """Run the worker of one region. Example: CARREL_REGION=local DOCKER_HOST=… carrel worker."""
    run(processes.watch if follow_only else processes.work)


@app.command()
def ring(
    queue: Annotated[
        str, typer.Option(envvar="CARREL_RING_QUEUE", help="Sort of queue to wake, if it is no clean-up.")
    ] = "",
    every: Annotated[str, typer.Option(envvar="CARREL_RING_EVERY", help="Clean-ups to wake: minute or hour.")] = "",
) -> None:
    """Wake a function by its signed bell, for a host's own timer. Example: carrel ring --every minute."""
    run(lambda settings: functions.ring(settings, queue, every))


@app.command()
def proxy() -> None:
    """Run the proxy before the sessions. Example: REDIS_URL=… carrel proxy."""
    run(processes.proxy)


@app.command()
def migrate() -> None:
    """Bring the database to the newest shape. Example: carrel migrate."""
    run(_migrate)


async def _migrate(settings: Settings) -> None:
    applied = await run_migrations(settings)
    typer.echo(f"Applied: {', '.join(applied)}." if applied else "The database has the newest shape.")


@app.command("shell")
def shell_command() -> None:
    """Open IPython with the tables and verbs at hand. Example: carrel shell."""
    shell.start(load())


@app.command()
def schema() -> None:
    """Print the GraphQL schema. Example: carrel schema > schema.graphql."""
    typer.echo(SDL, nl=False)


Url = Annotated[str, typer.Option(envvar="CARREL_GRAPHQL", help="GraphQL address; that of `carrel up` if not said.")]
Token = Annotated[str, typer.Option(envvar="CARREL_TOKEN", help="API token; that of `carrel up` if not said.")]


@demo_app.callback()
def demo(context: typer.Context, url: Url = "", token: Token = "") -> None:
    """Show the main job on a running server: upload, import, launch. Example: carrel demo."""
    if context.invoked_subcommand is None:
        processes.demonstrate(load(), url, token)


@demo_app.command()
def data(url: Url = "", token: Token = "") -> None:
    """Make data sessions with real frames and run operations on them. Example: carrel demo data."""
    processes.demonstrate_data(load(), url, token)


def main() -> None:
    """Run the command line: 0 done, 1 refused, 2 misused; an error is one sentence unless --debug is given."""
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
    if Options.debug:
        raise  # noqa: PLE0704 - called from an except block alone
    typer.echo(f"carrel: {sentence}", err=True)
    sys.exit(1)
