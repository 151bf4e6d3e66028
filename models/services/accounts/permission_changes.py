"""Serializes permission changes. The caller's permissions are read again inside the lock."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from core.clock import now
from core.database import connection
from core.errors import Unauthenticated
from models.accounts.tokens import Token
from models.accounts.users import User
from models.permissions.principal import Principal
from models.services.accounts import authentication


def serialized() -> AbstractAsyncContextManager[None]:
    """Open a transaction for a permission change. Only one can be open at a time, over all processes."""
    return connection.advisory_lock("rights")


@asynccontextmanager
async def changing(principal: Principal) -> AsyncIterator[Principal]:
    """Open that transaction, and yield the caller with its current permissions.

    Read the rows that decide about the change inside it; those read before may be gone.
    """
    async with serialized():
        yield await reload(principal)


async def reload(principal: Principal) -> Principal:
    """Return the caller with its current permissions. Unauthenticated if its credential has ended."""
    if principal.token_id is None:
        return await _of_user(principal.user_id)
    token = await Token.get_or_none(id=principal.token_id).select_related("user")
    if token is None or not token.is_live(now()) or not token.user.is_active:
        raise Unauthenticated("You signed out, or your token has expired or was revoked; sign in again.")
    return await authentication.principal_for_token(token)


async def _of_user(user_id: int) -> Principal:
    user = await User.get_or_none(id=user_id, is_active=True)
    if user is None:
        raise Unauthenticated("This account is closed; ask an operator to open it.")
    return await authentication.principal_for_user(user)
