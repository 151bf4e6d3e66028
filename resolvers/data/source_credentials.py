"""Resolvers of the users' tokens for the frame archive."""

from datetime import datetime, timedelta

from core.security.encryption import open_secret_box
from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.services.data import source_credentials
from models.services.data.sources.archive import ArchiveSource
from resolvers.app_state import AppState
from resolvers.guards import require

SOURCE = ArchiveSource.name


async def store(app_state: AppState, principal: Principal, token: str, seconds: int) -> datetime:
    """Store the caller's token for the frame archive and return its expiry."""
    await require(principal, Action.ARCHIVE_TOKEN_SET)
    lifetime, secret_box = timedelta(seconds=min(max(seconds, 0), 2**31)), open_secret_box(app_state.settings)
    credential = await source_credentials.store(
        principal.user_id, SOURCE, token, lifetime, secret_box, actor=Actor.from_principal(principal)
    )
    return credential.expires_at


async def delete(principal: Principal) -> None:
    """Delete the caller's token for the frame archive."""
    await require(principal, Action.ARCHIVE_TOKEN_REMOVE)
    await source_credentials.delete(principal.user_id, SOURCE, actor=Actor.from_principal(principal))


async def expiry(principal: Principal) -> datetime | None:
    """Return the expiry of the caller's token for the frame archive; None if there is none."""
    return await source_credentials.expiry(principal.user_id, SOURCE)
