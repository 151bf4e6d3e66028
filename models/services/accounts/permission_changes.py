"""Rights change one at a time: whoever gives or takes is judged by what they hold at that very moment."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from core.clock import now
from core.database import connection
from core.errors import Unauthenticated
from models.accounts.users import Token, User
from models.permissions.principal import Principal
from models.services.accounts import authentication


def alone() -> AbstractAsyncContextManager[None]:
    """Open the transaction in which anybody's rights are changed; there is one at a time."""
    return connection.alone("rights")


@asynccontextmanager
async def changing(principal: Principal) -> AsyncIterator[Principal]:
    """Open that transaction, and give the caller with the rights that they hold until it ends.

    Rows that decide over the change are to be found within: what was read before may be gone.
    """
    async with alone():
        yield await reread(principal)


async def reread(principal: Principal) -> Principal:
    """Return the caller with its rights as they are now; Unauthenticated when its credential has ended."""
    if principal.token_id is None:
        return await _of_user(principal.user_id)
    token = await Token.get_or_none(id=principal.token_id).select_related("user")
    if token is None or not token.is_live(now()) or not token.user.is_active:
        raise Unauthenticated("You signed out, or your token ended.")
    return await authentication.principal_of(token)


async def _of_user(user_id: int) -> Principal:
    user = await User.get_or_none(id=user_id, is_active=True)
    if user is None:
        raise Unauthenticated("The account has been closed.")
    return await authentication.principal_for(user)
