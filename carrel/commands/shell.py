"""IPython with the tables, the policies and the verbs at hand, and `await` at the prompt."""

from importlib import import_module
from typing import Any

from core.database import connection
from core.settings import Settings

BANNER = """Carrel's shell. Tables: Session, Image, Workstation, User … Services: sessions, images, users …
Try:  await Session.all().count()
      principal = await authentication.principal_for(await User.get(username="demo"))
"""
TABLES = (
    *("accounts.users", "accounts.roles", "accounts.organizations", "accounts.collaborations", "accounts.history"),
    *("data.uploads", "data.datasessions", "data.dataoperations", "data.results"),
    *("sessions.regions", "sessions.workstations", "sessions.images", "sessions.sessions"),
)
SERVICES = (
    *("accounts.users", "accounts.authentication", "accounts.organizations", "accounts.collaborations"),
    *("data.uploads", "data.datasessions", "data.dataoperations"),
    *("sessions.regions", "sessions.workstations", "sessions.images", "sessions.sessions"),
)


def names(settings: Settings) -> dict[str, Any]:
    """Return the names that the prompt offers."""
    found: dict[str, Any] = {"settings": settings, "connect": lambda: connection.connect(settings)}
    for noun in TABLES:
        module = import_module(f"models.{noun}")
        found |= {name: value for name, value in vars(module).items() if isinstance(value, type)}
    for noun in SERVICES:
        found[noun.rpartition(".")[2]] = import_module(f"models.services.{noun}")
    return found


def start(settings: Settings) -> None:
    """Open the prompt; the database is connected in its own loop."""
    from IPython.terminal.ipapp import TerminalIPythonApp  # IPython is heavy; only the shell pays for it.

    prompt: Any = TerminalIPythonApp.instance(user_ns=names(settings), display_banner=False)
    prompt.exec_lines = [f"print({BANNER!r})", "await connect()"]
    prompt.initialize(argv=[])
    prompt.start()
