"""Resolvers of sessions: launch, extend, stop, open, and snapshots for subscriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.database.connection import transaction
from core.errors import BadInput, Conflict, Forbidden, NotFound
from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.data import datasessions as datasession_policy
from models.policies.sessions import images as image_policy
from models.policies.sessions import sessions as policy
from models.policies.sessions import workstations as workstation_policy
from models.services.sessions import regions, session_lifetime, session_queue, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import TERMINAL_STATES, Session, SessionState
from resolvers.app_state import AppState
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

MAX_RECENT = 20

reader = RowReader(policy.readable)


async def launch(
    app_state: AppState,
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
    """Launch a session of the workstation's active image, or of the given image."""
    workstation = await visible(workstation_policy.readable(principal), workstation_id)
    await require(principal, Action.SESSION_LAUNCH, workstation)
    if image_id is None:
        image = await workstations.active_image(workstation.id)
    else:
        image = await visible(image_policy.readable(principal).filter(workstation_id=workstation.id), image_id)
    if image is None:
        raise Conflict("This workstation has no image that is ready. Upload one, or wait for its import.")
    _require_ready(image)
    region_row = await regions.nearest(region, pings)
    if datasession_id is not None:
        await _require_can_attach(principal, datasession_id)
    return await sessions.launch(
        image,
        region_row,
        app_state.settings,
        actor=Actor.from_principal(principal),
        seconds=seconds,
        environment=environment,
        pings=pings,
        datasession_id=datasession_id,
    )


async def _require_can_attach(principal: Principal, datasession_id: int) -> None:
    datasession = await visible(datasession_policy.readable(principal), datasession_id)
    decision = await datasession_policy.can_attach_datasession(principal, datasession)
    if decision is not True:
        raise BadInput(decision, path=("datasessionId",))


def _require_ready(image: Image) -> None:
    if image.state is not ImageState.READY:
        raise Conflict(f"The image is {image.state}. Only an image that is {ImageState.READY} can be launched.")


async def keep_alive(app_state: AppState, principal: Principal, key: int, seconds: int) -> Session:
    """Extend the lifetime of a session, up to the installation's limit."""
    session = await visible(policy.readable(principal), key)
    await require(principal, Action.SESSION_KEEP_ALIVE, session)
    await session_lifetime.keep_alive(session, seconds, app_state.settings, actor=Actor.from_principal(principal))
    return session


async def stop(principal: Principal, key: int) -> Session:
    """Request the stop of a session."""
    session = await visible(policy.readable(principal), key)
    await require(principal, Action.SESSION_STOP, session)
    async with transaction():
        await sessions.request_stop(session, actor=Actor.from_principal(principal))
    return session


StopResult = Session | NotFound | Forbidden
"""The outcome for one session of a bulk stop: the session, or the reason why it was not stopped."""


async def stop_many(principal: Principal, keys: Sequence[int | NotFound], *, all_or_none: bool) -> list[StopResult]:
    """Stop the sessions that the principal may stop; with `all_or_none`, all or none of them."""
    ids = [key for key in keys if isinstance(key, int)]
    rows = {row.id: row for row in await policy.readable(principal).filter(id__in=ids)}
    results = [key if isinstance(key, NotFound) else await _check(principal, rows.get(key)) for key in keys]
    allowed = [each for each in results if isinstance(each, Session)]
    if all_or_none and len(allowed) < len(results):
        return results
    for session in sorted(allowed, key=lambda row: (row.region_id, row.id)):
        await sessions.request_stop(session, actor=Actor.from_principal(principal))
    return results


async def _check(principal: Principal, session: Session | None) -> StopResult:
    if session is None:
        return NotFound("This session does not exist, or you may not see it.")
    try:
        await require(principal, Action.SESSION_STOP, session)
    except Forbidden as error:
        return error
    return session


async def open_address(app_state: AppState, principal: Principal, key: int) -> tuple[Session, str]:
    """Return the session and a one-time URL that opens it without a sign-in, within `TICKET_SECONDS`."""
    session = await visible(policy.readable(principal), key)
    await require(principal, Action.SESSION_OPEN, session)
    if session.state in TERMINAL_STATES:
        raise Conflict(f"The session is {session.state}. Launch a new one.")
    ticket = await app_state.session_access.mint_ticket(principal.user_id, principal.token_id, session.label, "")
    return session, f"{app_state.settings.session_address(session.label)}/.carrel/enter?ticket={ticket}"


def readable_logs(principal: Principal, session: Session) -> str | None:
    """Return the stored output of the container; None if the principal may not read it."""
    return session.logs if policy.can_see_logs(principal, session) is True else None


@dataclass(frozen=True)
class SessionSnapshot:
    """Current sessions and the queue positions of those that are queued."""

    rows: list[Session]
    queue_positions: Mapping[int, int]

    @classmethod
    async def of(cls, rows: list[Session]) -> "SessionSnapshot":
        """Return a snapshot with the queue positions. No statement runs if no session is queued."""
        queued = [row.id for row in rows if row.state is SessionState.QUEUED]
        return cls(rows, await session_queue.queue_positions(queued) if queued else {})


async def read_snapshot(app_state: AppState, principal: Principal, key: int) -> SessionSnapshot | None:
    """Return one session; None if the principal cannot see it. Concurrent subscribers share the reads."""
    session = await app_state.live_rows.row(policy.SESSIONS, principal, key)
    if session is None or session.state is not SessionState.QUEUED:
        return SessionSnapshot([session], {}) if session else None
    positions = await app_state.live_rows.read_once(
        ("queue position", key), lambda: session_queue.queue_positions([key])
    )
    return SessionSnapshot([session], positions)


async def recent(principal: Principal) -> SessionSnapshot:
    """Return the caller's own newest sessions, at most `MAX_RECENT`, newest first."""
    rows = policy.readable(principal).filter(creator_id=principal.user_id).order_by("-id").limit(MAX_RECENT)
    return await SessionSnapshot.of(list(await rows))
