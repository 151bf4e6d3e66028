"""Another process that takes a role from somebody and waits, with its transaction open, until it is told to commit."""

import asyncio
import sys

from core.database import connection
from core.settings import load
from models.accounts.roles import Role
from models.accounts.users import User
from models.permissions.actor import SERVICE
from models.services.accounts import roles
from models.services.accounts.permission_changes import alone

TAKEN = "taken"


async def main(url: str, username: str, role: str) -> None:
    """Take the role, say so, and commit at the next line of input."""
    await connection.connect(load(database_url=url))
    try:
        async with alone():
            await roles.take(await Role.get(name=role), await User.get(username=username), actor=SERVICE)
            print(TAKEN, flush=True)  # noqa: T201 - what the test waits for
            await asyncio.to_thread(sys.stdin.readline)
    finally:
        await connection.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
