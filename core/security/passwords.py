"""Passwords: argon2id, off the event loop."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MINIMUM_LENGTH = 10


@cache
def _hasher() -> "PasswordHasher":
    """Return the hasher; who only moves rows never needs it, and jobs live without the library."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """Return the hash of a password that nobody has."""
    return _hasher().hash("nobody has this password")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await asyncio.to_thread(lambda: _hasher().hash(password))


async def verify(password: str, hashed: str | None) -> bool:
    """Say whether the password has this hash; takes as long when there is none to compare with."""
    return await asyncio.to_thread(_verify, password, hashed)


def _verify(password: str, hashed: str | None) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    nobody = _nobody()  # Made at the first call whoever is asked for, so that a stranger's takes no longer.
    try:
        return _hasher().verify(hashed or nobody, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False
