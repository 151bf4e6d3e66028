"""IPython with the tables, the policies and the verbs at hand, and `await` at the prompt."""

from importlib import import_module
from typing import Any

from core import database
from core.settings import Settings

BANNER = """Carrel's shell. Tables: Session, Image, Workstation, User … Verbs: sessions, images, accounts …
Try:  await Session.all().count()
      principal = await auth.principal_for(await User.get(username="demo"))
"""
TABLES = (
    *("accounts", "access", "organizations", "history", "regions", "uploads", "workstations", "images", "sessions"),
    *("datasessions", "dataoperations", "results"),
)
VERBS = (
    *("accounts", "auth", "images", "organizations", "regions", "sessions", "uploads", "workstations"),
    *("datasessions", "dataoperations"),
)


def names(settings: Settings) -> dict[str, Any]:
    """Return what the prompt knows."""
    found: dict[str, Any] = {"settings": settings, "connect": lambda: database.connect(settings)}
    for noun in TABLES:
        module = import_module(f"models.{noun}")
        found |= {name: value for name, value in vars(module).items() if isinstance(value, type)}
    for noun in VERBS:
        found[noun] = import_module(f"models.services.{noun}")
    return found


def start(settings: Settings) -> None:
    """Open the prompt; the database is connected in its own loop."""
    from IPython.terminal.ipapp import TerminalIPythonApp  # IPython is heavy; only the shell pays for it.

    prompt: Any = TerminalIPythonApp.instance(user_ns=names(settings), display_banner=False)
    prompt.exec_lines = [f"print({BANNER!r})", "await connect()"]
    prompt.initialize(argv=[])
    prompt.start()
