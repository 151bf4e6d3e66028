"""Answer what is asked of sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.database.connection import transaction
from core.errors import BadInput, Conflict, Forbidden, NotFound
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.policies.data import datasessions as datasession_policy
from models.policies.sessions import images as image_policy
from models.policies.sessions import sessions as policy
from models.policies.sessions import workstations as workstation_policy
from models.services.sessions import regions, session_lifetime, session_queue, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import ENDINGS, Session, SessionState
from resolvers.app_state import House
from resolvers.guards import require, visible

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
    pings: Mapping[str, float],
    datasession_id: int | None,
) -> tuple[Session, bool]:
    """Launch a session of the workstation's active image, or of one that the caller names."""
    workstation = await visible(workstation_policy.readable(principal), workstation_id)
    await require(principal, Action.SESSION_LAUNCH, workstation)
    if image_id is None:
        image = await workstations.active_image(workstation.id)
    else:
        image = await visible(image_policy.readable(principal).filter(workstation_id=workstation.id), image_id)
    if image is None:
        raise Conflict("This workstation has no image that is ready; upload one, or wait for its import.")
    _require_ready(image)
    where = await regions.nearest(region, pings)
    if datasession_id is not None:
        await _require_lendable(principal, datasession_id)
    return await sessions.launch(
        image,
        where,
        house.settings,
        actor=Actor.of(principal),
        seconds=seconds,
        environment=environment,
        pings=pings,
        datasession_id=datasession_id,
    )


async def _require_lendable(principal: Principal, datasession_id: int) -> None:
    datasession = await visible(datasession_policy.readable(principal), datasession_id)
    verdict = await datasession_policy.can_lend(principal, datasession)
    if verdict is not True:
        raise BadInput(verdict, path=("datasessionId",))


def _require_ready(image: Image) -> None:
    if image.state is not ImageState.READY:
        raise Conflict(f"The image is {image.state}; only a ready one can be launched.")


async def keep_alive(house: House, principal: Principal, key: int, seconds: int) -> Session:
    """Let a session live longer, within the limit of the house."""
    session = await visible(policy.readable(principal), key)
    await require(principal, Action.SESSION_KEEP_ALIVE, session)
    await session_lifetime.keep_alive(session, seconds, house.settings, actor=Actor.of(principal))
    return session


async def stop(principal: Principal, key: int) -> Session:
    """Stop a session; it ends within seconds."""
    session = await visible(policy.readable(principal), key)
    await require(principal, Action.SESSION_STOP, session)
    async with transaction():
        await sessions.request_stop(session, actor=Actor.of(principal))
    return session


Stopped = Session | NotFound | Forbidden
"""What became of one of many: the session as it is now, or why it was not stopped."""


async def stop_many(principal: Principal, keys: Sequence[int | NotFound], *, all_or_none: bool) -> list[Stopped]:
    """Stop those that the principal may stop, or with `all_or_none` only if it may stop every one."""
    asked = [key for key in keys if isinstance(key, int)]
    rows = {row.id: row for row in await policy.readable(principal).filter(id__in=asked)}
    judged = [key if isinstance(key, NotFound) else await _stoppable(principal, rows.get(key)) for key in keys]
    able = [each for each in judged if isinstance(each, Session)]
    if all_or_none and len(able) < len(judged):
        return judged
    for session in sorted(able, key=lambda row: (row.region_id, row.id)):
        await sessions.request_stop(session, actor=Actor.of(principal))
    return judged


async def _stoppable(principal: Principal, session: Session | None) -> Stopped:
    if session is None:
        return NotFound("There is no such session, or you may not see it.")
    try:
        await require(principal, Action.SESSION_STOP, session)
    except Forbidden as refusal:
        return refusal
    return session


async def open_address(house: House, principal: Principal, key: int) -> tuple[Session, str]:
    """Return the session and an address that enters it once, within 30 s, without a further sign-in."""
    session = await visible(policy.readable(principal), key)
    await require(principal, Action.SESSION_OPEN, session)
    if session.state in ENDINGS:
        raise Conflict(f"The session is {session.state}; launch a new one.")
    ticket = await house.doors.mint_ticket(principal.user_id, principal.token_id, session.label, "")
    return session, f"{house.settings.session_address(session.label)}/.carrel/enter?ticket={ticket}"


@dataclass(frozen=True)
class Followed:
    """Sessions as they are now, and the places of those that wait in line."""

    rows: list[Session]
    places: Mapping[int, int]

    @classmethod
    async def of(cls, rows: list[Session]) -> "Followed":
        """Look up the places; no statement while nobody waits."""
        waiting = [row.id for row in rows if row.state is SessionState.QUEUED]
        return cls(rows, await session_queue.queue_positions(waiting) if waiting else {})


async def followed(house: House, principal: Principal, key: int) -> Followed | None:
    """Return one session, None when it cannot be seen; all who follow it in one moment share its row and place."""
    session = await house.present.row(policy.SESSIONS, principal, key)
    if session is None or session.state is not SessionState.QUEUED:
        return Followed([session], {}) if session else None
    return Followed([session], await house.present.once(("place", key), lambda: session_queue.queue_positions([key])))


async def recent(principal: Principal) -> Followed:
    """Return the caller's own newest sessions, at most twenty, newest first."""
    rows = policy.readable(principal).filter(creator_id=principal.user_id).order_by("-id").limit(RECENT)
    return await Followed.of(list(await rows))
