"""Another process that takes a role from somebody and waits, with its transaction open, until it is told to commit."""

import asyncio
import sys

from core import database
from core.settings import load
from models.access import Role
from models.accounts import User
from models.actors import SERVICE
from models.services import roles
from models.services.rights import alone

TAKEN = "taken"


async def main(url: str, username: str, role: str) -> None:
    """Take the role, say so, and commit at the next line of input."""
    await database.connect(load(database_url=url))
    try:
        async with alone():
            await roles.take(await Role.get(name=role), await User.get(username=username), actor=SERVICE)
            print(TAKEN, flush=True)  # noqa: T201 - what the test waits for
            await asyncio.to_thread(sys.stdin.readline)
    finally:
        await database.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
