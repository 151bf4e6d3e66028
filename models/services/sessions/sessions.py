"""Launch sessions, and request or record their end. Workers do the rest in `session_runs`."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from core.messaging import outbox
from core.queue import Job, region_queue
from core.security import tokens
from core.settings import Settings
from models.accounts.roles import Resource
from models.permissions.principal import Actor
from models.services.accounts import history
from models.services.sessions import session_queue
from models.services.transitions import transition
from models.sessions.images import Image
from models.sessions.regions import Region
from models.sessions.sessions import TERMINAL_STATES, Reason, Session, SessionState

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
PLATFORM_PREFIX = "CARREL_"
MAX_VARIABLES = 32
MAX_VALUE_LENGTH = 4096
MIN_SECONDS = 60
MAX_CONFLICTS = 3


async def launch(
    image: Image,
    region: Region,
    settings: Settings,
    *,
    actor: Actor,
    seconds: int | None = None,
    environment: dict[str, str] | None = None,
    pings: Mapping[str, float] | None = None,
    datasession_id: int | None = None,
) -> tuple[Session, bool]:
    """Return the actor's session of this image in this region, and whether it is new.

    A user has at most one live session per image and region; another launch returns it. Its container can read the
    data session that it was launched with. Conflict if the live session was launched without this data session.
    """
    seconds = settings.session_seconds if seconds is None else seconds
    if not MIN_SECONDS <= seconds <= settings.session_seconds_limit:
        raise BadInput(f"A session lasts {MIN_SECONDS} to {settings.session_seconds_limit} seconds.", path=("seconds",))
    check_environment(environment or {})
    key = f"{actor.user_id}:{image.id}:{region.id}"
    for _ in range(MAX_CONFLICTS):
        existing = await Session.get_or_none(active_key=key)
        if existing:
            if datasession_id not in (None, existing.datasession_id):
                raise Conflict("Your session of this image was launched without this data session. Stop it first.")
            return existing, False
        with suppress(IntegrityError):  # A concurrent launch created it; the next iteration returns that session.
            options = environment or {}, pings or {}, datasession_id
            return await _create(image, region, key, actor, seconds, *options), True
    raise Conflict("Other requests changed your session of this image at the same time. Try again.")


async def _create(
    image: Image,
    region: Region,
    key: str,
    actor: Actor,
    seconds: int,
    environment: dict[str, str],
    pings: Mapping[str, float],
    datasession_id: int | None,
) -> Session:
    async with transaction():
        session = await Session.create(
            image_id=image.id,
            region_id=region.id,
            creator_id=actor.user_id,
            active_key=key,
            label=tokens.random_label(),
            maximum_seconds=seconds,
            expires_at=now() + timedelta(seconds=seconds),
            environment=environment,
            ping_times=dict(pings) or None,
            datasession_id=datasession_id,
        )
        await history.record(Resource.SESSION, session.id, "launch", actor, to_state=session.state)
        session_queue.enqueue_launch(session, region.name)
        outbox.publish(f"sessions-of:{session.creator_id}")
    return session


def check_environment(environment: dict[str, str]) -> None:
    """Raise BadInput for invalid or reserved variable names, and for values that are too long."""
    if len(environment) > MAX_VARIABLES:
        raise BadInput(f"Give at most {MAX_VARIABLES} environment variables.", path=("environment",))
    for name, value in environment.items():
        if not VARIABLE.fullmatch(name) or name.startswith(PLATFORM_PREFIX):
            raise BadInput(
                f"{name[:64]!r} cannot be set. A name has capital letters, digits and underscores, "
                f"and does not begin with {PLATFORM_PREFIX}.",
                path=("environment",),
            )
        if len(value) > MAX_VALUE_LENGTH or "\0" in value:
            raise BadInput(
                f"The value of {name} is too long or has a zero byte. It can have {MAX_VALUE_LENGTH} characters.",
                path=("environment",),
            )


def enqueue_stop(session: Session, region: str) -> None:
    """Enqueue the stop of the container in the open transaction."""
    key = f"stop:{session.id}:{session.fence}"
    outbox.enqueue(Job.SESSION_STOP, session.id, queue=region_queue(region), key=key)


async def request_stop(session: Session, *, actor: Actor, cause: str = "") -> None:
    """Request the stop of a session; no effect if it is ending or has ended."""
    await _end(session, SessionState.STOPPED, Reason.STOPPED_BY_CREATOR, actor, cause or "Stopped on request.")


async def expire(session: Session, *, actor: Actor) -> None:
    """End a session that reached its maximum lifetime."""
    await _end(session, SessionState.EXPIRED, Reason.EXPIRED, actor, "Its maximum duration was reached.")


async def end_idle(session: Session, seconds: int, *, actor: Actor) -> None:
    """End a session that was unused for `seconds`."""
    await _end(session, SessionState.EXPIRED, Reason.IDLE, actor, f"It was not used for {seconds} seconds.")


async def _end(session: Session, outcome: SessionState, code: Reason, actor: Actor, sentence: str) -> None:
    for _ in range(MAX_CONFLICTS):
        if session.state in TERMINAL_STATES or session.state is SessionState.STOPPING:
            return
        try:
            await _try_end(session, outcome, code, actor, sentence)
        except Conflict:
            await session.refresh_from_db()
        else:
            return
    raise Conflict("Other requests changed the session at the same time. Try again.")


async def _try_end(session: Session, outcome: SessionState, code: Reason, actor: Actor, sentence: str) -> None:
    async with transaction():
        if session.state is SessionState.QUEUED:
            region = await session_queue.lock_region(session.region_id)
            changes: dict[str, Any] = {"reason_code": code, "reason": sentence, "ended_at": now()}
            await transition(session, outcome, actor, cause=sentence, **changes)
            await session_queue.enqueue_startable(region, after=session.id)
            return
        region = await Region.get(id=session.region_id)
        await transition(
            session,
            SessionState.STOPPING,
            actor,
            cause=sentence,
            outcome=outcome,
            reason_code=code,
            reason=sentence,
            lease_until=None,
            expected_fence=session.fence,
            fence=session.fence + 1,
        )
        enqueue_stop(session, region.name)
