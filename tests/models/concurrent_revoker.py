"""A process that unassigns a role and keeps its transaction open until it reads a line, then commits."""

import asyncio
import sys

from core.database import connection
from core.settings import load
from models.accounts.roles import Role
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import roles
from models.services.accounts.permission_changes import serialized
from models.tables import TABLES

UNASSIGNED = "unassigned"


async def main(url: str, username: str, role: str) -> None:
    """Unassign the role, print a line, and commit at the next line of input."""
    await connection.connect(load(database_url=url), TABLES)
    try:
        async with serialized():
            await roles.unassign(await Role.get(name=role), await User.get(username=username), actor=SERVICE)
            print(UNASSIGNED, flush=True)  # noqa: T201 - what the test waits for
            await asyncio.to_thread(sys.stdin.readline)
    finally:
        await connection.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
