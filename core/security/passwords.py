"""Password hashing with argon2id, in a thread because it takes CPU time."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MINIMUM_LENGTH = 10


@cache
def _hasher() -> "PasswordHasher":
    """Return the hasher. The import is lazy: jobs run without the argon2 library."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _dummy_hash() -> str:
    """Return a hash that no password matches."""
    return _hasher().hash("no user has this password")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await asyncio.to_thread(lambda: _hasher().hash(password))


async def verify(password: str, hashed: str | None) -> bool:
    """Return whether the password has this hash; it takes as long when `hashed` is None."""
    return await asyncio.to_thread(_verify, password, hashed)


def _verify(password: str, hashed: str | None) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    dummy = _dummy_hash()  # Always computed, so that an unknown user takes as long as a known one.
    try:
        return _hasher().verify(hashed or dummy, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False
