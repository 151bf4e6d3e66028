"""`carrel shell`: IPython with tables and services imported, and `await` at the prompt."""

from importlib import import_module
from typing import Any

from core.database import connection
from core.settings import Settings
from models.tables import TABLES

BANNER = """Carrel's shell. Tables: Session, Image, Workstation, User … Services: sessions, images, users …
Try:  await Session.all().count()
      principal = await authentication.principal_for_user(await User.get(username="demo"))
"""
SERVICES = (
    *(
        "accounts.users",
        "accounts.tokens",
        "accounts.authentication",
        "accounts.organizations",
        "accounts.collaborations",
    ),
    *("data.uploads", "data.datasessions", "data.dataoperations"),
    *("sessions.regions", "sessions.workstations", "sessions.images", "sessions.sessions"),
)


def namespace(settings: Settings) -> dict[str, Any]:
    """Return the names that are defined at the prompt."""
    names: dict[str, Any] = {"settings": settings, "connect": lambda: connection.connect(settings, TABLES)}
    for path in TABLES.modules:
        module = import_module(path)
        names |= {name: value for name, value in vars(module).items() if isinstance(value, type)}
    for path in SERVICES:
        names[path.rpartition(".")[2]] = import_module(f"models.services.{path}")
    return names


def start(settings: Settings) -> None:
    """Open the prompt, with the database connected in its event loop."""
    from IPython.terminal.ipapp import TerminalIPythonApp  # IPython is slow to import.

    prompt: Any = TerminalIPythonApp.instance(user_ns=namespace(settings), display_banner=False)
    prompt.exec_lines = [f"print({BANNER!r})", "await connect()"]
    prompt.initialize(argv=[])
    prompt.start()
