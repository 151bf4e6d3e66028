"""Answer what is asked of the tokens of other services that users keep here."""

from datetime import datetime, timedelta

from core.security.encryption import open_sealer
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.services.data import source_credentials
from models.services.data.sources.archive import ArchiveSource
from resolvers.app_state import House
from resolvers.guards import require

SOURCE = ArchiveSource.name


async def keep(house: House, principal: Principal, token: str, seconds: int) -> datetime:
    """Keep the caller's token of the frame archive, and return when it is forgotten."""
    await require(principal, Action.ARCHIVE_TOKEN_SET)
    lifetime, sealer = timedelta(seconds=min(max(seconds, 0), 2**31)), open_sealer(house.settings)
    kept = await source_credentials.keep(principal.user_id, SOURCE, token, lifetime, sealer, actor=Actor.of(principal))
    return kept.expires_at


async def forget(principal: Principal) -> None:
    """Forget the caller's token of the frame archive."""
    await require(principal, Action.ARCHIVE_TOKEN_REMOVE)
    await source_credentials.forget(principal.user_id, SOURCE, actor=Actor.of(principal))


async def kept_until(principal: Principal) -> datetime | None:
    """Return when the caller's token of the frame archive is forgotten; None when none is kept."""
    return await source_credentials.kept_until(principal.user_id, SOURCE)
