"""Answer what is asked of the tokens of other services that users keep here."""

from datetime import datetime, timedelta

from core.sealing import open_sealer
from models.actors import Actor
from models.policies.actions import Action
from models.principal import Principal
from models.services import credentials
from models.services.sources.archive import ArchiveSource
from resolvers.guards import require
from resolvers.house import House

SOURCE = ArchiveSource.name


async def keep(house: House, principal: Principal, token: str, seconds: int) -> datetime:
    """Keep the caller's token of the frame archive, and return when it is forgotten."""
    await require(principal, Action.ARCHIVE_TOKEN_SET)
    lifetime, sealer = timedelta(seconds=min(max(seconds, 0), 2**31)), open_sealer(house.settings)
    kept = await credentials.keep(principal.user_id, SOURCE, token, lifetime, sealer, actor=Actor.of(principal))
    return kept.expires_at


async def forget(principal: Principal) -> None:
    """Forget the caller's token of the frame archive."""
    await require(principal, Action.ARCHIVE_TOKEN_REMOVE)
    await credentials.forget(principal.user_id, SOURCE, actor=Actor.of(principal))


async def kept_until(principal: Principal) -> datetime | None:
    """Return when the caller's token of the frame archive is forgotten; None when none is kept."""
    return await credentials.kept_until(principal.user_id, SOURCE)
