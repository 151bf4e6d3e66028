"""Launch sessions, ask for their end, and say where they stand in line."""

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
from models.permissions.actor import Actor
from models.services.accounts import history
from models.services.sessions import session_queue
from models.services.transitions import move_session
from models.sessions.images import Image
from models.sessions.regions import Region
from models.sessions.sessions import ENDINGS, Reason, Session, SessionState

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
PLATFORM_PREFIX = "CARREL_"
VARIABLES_LIMIT = 32
ATTEMPTS = 3


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

    There is one live session per person, image and region; asking again while it lives returns it. Its container sees
    the data session that it was launched for; Conflict when the live one was launched for another.
    """
    seconds = settings.session_seconds if seconds is None else seconds
    if not 60 <= seconds <= settings.session_seconds_limit:
        raise BadInput(f"A session lives from 60 to {settings.session_seconds_limit} seconds.", path=("seconds",))
    check_environment(environment or {})
    key = f"{actor.user_id}:{image.id}:{region.id}"
    for _ in range(ATTEMPTS):
        present = await Session.get_or_none(active_key=key)
        if present:
            if datasession_id not in (None, present.datasession_id):
                raise Conflict("Your session of this image was launched without this data session; stop it first.")
            return present, False
        with suppress(IntegrityError):  # Another launch was faster; its session is found by the next look.
            given = environment or {}, pings or {}, datasession_id
            return await _create(image, region, key, actor, seconds, *given), True
    raise Conflict("Your session of this image keeps changing; try again.")


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
    """Refuse names that are no variables or that belong to the platform, and values that are too long."""
    if len(environment) > VARIABLES_LIMIT:
        raise BadInput(f"At most {VARIABLES_LIMIT} environment variables can be given.", path=("environment",))
    for name, value in environment.items():
        if not VARIABLE.fullmatch(name) or name.startswith(PLATFORM_PREFIX):
            raise BadInput(
                f"{name[:64]!r} cannot be set: a name has capitals, digits and underscores, and CARREL_ is ours.",
                path=("environment",),
            )
        if len(value) > 4096 or "\0" in value:
            raise BadInput(f"The value of {name} is too long or has a zero byte.", path=("environment",))


def enqueue_stop(session: Session, region: str) -> None:
    """Ask within the open transaction for the container to be ended."""
    key = f"stop:{session.id}:{session.fence}"
    outbox.enqueue(Job.SESSION_STOP, session.id, queue=region_queue(region), key=key)


async def request_stop(session: Session, *, actor: Actor, cause: str = "") -> None:
    """Ask for the end of a session; harmless when it is ending or has ended."""
    await _end(session, SessionState.STOPPED, Reason.STOPPED_BY_CREATOR, actor, cause or "Stopped on request.")


async def expire(session: Session, *, actor: Actor) -> None:
    """End a session whose time is over."""
    await _end(session, SessionState.EXPIRED, Reason.EXPIRED, actor, "Its maximum duration was reached.")


async def end_idle(session: Session, seconds: int, *, actor: Actor) -> None:
    """End a session in which nobody has worked for `seconds`."""
    await _end(session, SessionState.EXPIRED, Reason.IDLE, actor, f"Nobody worked in it for {seconds} seconds.")


async def _end(session: Session, outcome: SessionState, code: Reason, actor: Actor, sentence: str) -> None:
    for _ in range(3):
        if session.state in ENDINGS or session.state is SessionState.STOPPING:
            return
        try:
            await _try_end(session, outcome, code, actor, sentence)
        except Conflict:
            await session.refresh_from_db()
        else:
            return
    raise Conflict("The session keeps changing; try again.")


async def _try_end(session: Session, outcome: SessionState, code: Reason, actor: Actor, sentence: str) -> None:
    async with transaction():
        if session.state is SessionState.QUEUED:
            region = await session_queue.turnstile(session.region_id)
            changes: dict[str, Any] = {"reason_code": code, "reason": sentence, "ended_at": now()}
            await move_session(session, outcome, actor, cause=sentence, **changes)
            await session_queue.call_next(region, after=session.id)
            return
        region = await Region.get(id=session.region_id)
        await move_session(
            session,
            SessionState.STOPPING,
            actor,
            cause=sentence,
            outcome=outcome,
            reason_code=code,
            reason=sentence,
            lease_until=None,
            held=session.fence,
            fence=session.fence + 1,
        )
        enqueue_stop(session, region.name)
