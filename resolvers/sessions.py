"""Answer what is asked of sessions."""

from core.database import transaction
from core.errors import Conflict
from models.actors import Actor
from models.images import Image, ImageState
from models.policies import images as image_policy
from models.policies import sessions as policy
from models.policies import workstations as workstation_policy
from models.principal import Principal
from models.services import regions, sessions, workstations
from models.sessions import ENDINGS, Session
from resolvers.guards import require, visible
from resolvers.house import House

RECENT = 20


async def launch(
    house: House,
    principal: Principal,
    workstation_id: int,
    *,
    image_id: int | None,
    region: str | None,
    seconds: int | None,
    environment: dict[str, str],
) -> tuple[Session, bool]:
    """Launch a session of the workstation's active image, or of one that the caller names."""
    workstation = await visible(workstation_policy.readable(principal), workstation_id)
    require(policy.can_launch(principal))
    if image_id is None:
        image = await workstations.active_image(workstation.id)
    else:
        image = await visible(image_policy.readable(principal).filter(workstation_id=workstation.id), image_id)
    if image is None:
        raise Conflict("This workstation has no image that is ready; upload one, or wait for its import.")
    _require_ready(image)
    where = await regions.named(region)
    return await sessions.launch(
        image, where, house.settings, actor=Actor.of(principal), seconds=seconds, environment=environment
    )


def _require_ready(image: Image) -> None:
    if image.state is not ImageState.READY:
        raise Conflict(f"The image is {image.state}; only a ready one can be launched.")


async def stop(principal: Principal, key: int) -> Session:
    """Stop a session; it ends within seconds."""
    session = await visible(policy.readable(principal), key)
    require(policy.can_stop(principal, session))
    async with transaction():
        await sessions.request_stop(session, actor=Actor.of(principal))
    return session


async def open_address(house: House, principal: Principal, key: int) -> tuple[Session, str]:
    """Return the session and an address that enters it once, within 30 s, without a further sign-in."""
    session = await visible(policy.readable(principal), key)
    require(policy.can_connect(principal, session))
    if session.state in ENDINGS:
        raise Conflict(f"The session is {session.state}; launch a new one.")
    ticket = await house.doors.mint_ticket(principal.user_id, principal.token_id, session.label, "")
    return session, f"{house.settings.session_address(session.label)}/.carrel/enter?ticket={ticket}"


async def recent(principal: Principal) -> list[Session]:
    """Return the caller's own newest sessions, at most twenty, newest first."""
    return await policy.readable(principal).filter(creator_id=principal.user_id).order_by("-id").limit(RECENT)
