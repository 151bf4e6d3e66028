"""Launch sessions: claim, make the container so, wait until it answers, record it under the claim's fence."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from core.clock import now
from core.database.connection import transaction
from core.engine.protocol import (
    Address,
    Container,
    ContainerSpec,
    ContainerState,
    EngineRefused,
    EngineUnavailable,
    ImageMissing,
    Limits,
)
from core.errors import Conflict, EngineError
from core.security import global_ids
from jobs.context import Runtime, runtime_of
from jobs.sessions.container_exit import remains_of
from jobs.sessions.readiness import answers
from jobs.sessions.stop import check
from models.accounts.users import TokenKind
from models.permissions.actor import SERVICE
from models.services.accounts import users
from models.services.sessions import images, session_claims, session_completion, session_queue
from models.services.sessions.session_lifetime import TOKEN_GRACE
from models.sessions.images import Image
from models.sessions.sessions import ENDINGS, Reason, Session
from models.sessions.workstations import Workstation

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5
GROWTH = 1.1  # A tenth of the time waited so far is lost at most.
AGAIN_SECONDS = 0.5


async def session_launch(context: Mapping[str, Any], session_id: int) -> None:
    """Start the container of a session that is next in line; harmless when there is nothing to do."""
    runtime = runtime_of(context)
    session = await session_claims.claim_launch(session_id, runtime.settings)
    if session is None:
        return
    try:
        await _launch(runtime, session)
    except Conflict:
        await _withdraw(runtime, session)
    except asyncio.CancelledError:
        await session_claims.yield_launch(session, runtime.region, 0)
        raise


async def _launch(runtime: Runtime, session: Session) -> None:
    image = await Image.get(id=session.image_id)
    try:
        container = await _ensure(runtime, session, image)
        await _await_answer(runtime, session, image, container)
    except ImageMissing:
        await _bring_back(runtime, session, image)
    except EngineRefused as refusal:
        await _fail(runtime, session, Reason.ENGINE_REFUSED, refusal.message)
    except EngineUnavailable as silence:
        await _later(runtime, session, Reason.ENGINE_UNREACHABLE, silence.message)


async def _bring_back(runtime: Runtime, session: Session, image: Image) -> None:
    """Let the session wait until the image is imported again, and those behind it go first."""
    await session_claims.back_to_line(session, "The engine has lost the image; it is imported again.")
    with suppress(Conflict):  # Another launch has asked for it already.
        await images.restore(image, runtime.region)
    await session_queue.make_way(session)


async def _ensure(runtime: Runtime, session: Session, image: Image) -> Container:
    present = await runtime.engine.inspect(runtime.container_name(session))
    if present and present.state in (ContainerState.RUNNING, ContainerState.EXITED):
        return present
    if present:
        return await runtime.engine.ensure(_spec(runtime, session, image, present.labels, {}))
    labels = {**runtime.labels, "carrel.id": str(session.id)}
    return await runtime.engine.ensure(
        _spec(runtime, session, image, labels, await _environment(runtime, session, image))
    )


def _spec(
    runtime: Runtime, session: Session, image: Image, labels: Mapping[str, str], environment: dict[str, str]
) -> ContainerSpec:
    settings = runtime.settings
    return ContainerSpec(
        name=runtime.container_name(session),
        image=image.reference or "",
        labels=labels,
        environment=environment,
        ports=tuple(sorted({image.http_port, image.websocket_port or image.http_port})),
        limits=Limits(settings.session_memory_mib * 1024**2, settings.session_cpus, settings.session_pids),
        network=runtime.network,
        before=session.lease_until,
    )


async def _environment(runtime: Runtime, session: Session, image: Image) -> dict[str, str]:
    """Return the variables of a new container; the platform's own win over what the creator gave.

    Conflict when the claim is lost: neither token nor container is made for a session that is ending.
    """
    async with transaction():
        await session_claims.renew(session, runtime.settings)
        _, minted = await users.mint_token(
            session.creator_id,
            TokenKind.DESK,
            actor=SERVICE,
            lifetime=session.expires_at - now() + TOKEN_GRACE,
            name=f"session {session.id}",
            session_id=session.id,
        )
    return (
        session.environment
        | _lent(session)
        | {
            "CARREL_API_URL": runtime.api_url,
            "CARREL_TOKEN": minted.text,
            "CARREL_SESSION_ID": str(session.id),
            "CARREL_SESSION_URL": runtime.settings.session_address(session.label),
            "CARREL_EXPIRES_AT": session.expires_at.isoformat(),
            "CARREL_HTTP_PORT": str(image.http_port),
            "CARREL_CONFIGURATION": orjson.dumps(await _configuration(image)).decode(),
            "CARREL_WEBSOCKET_PORT": str(image.websocket_port or image.http_port),
        }
    )


def _lent(session: Session) -> dict[str, str]:
    """Name the data session that the container may read."""
    if session.datasession_id is None:
        return {}
    return {"CARREL_DATASESSION": global_ids.encode("Datasession", session.datasession_id)}


async def _configuration(image: Image) -> dict[str, Any]:
    return (await Workstation.get(id=image.workstation_id)).configuration


async def _await_answer(runtime: Runtime, session: Session, image: Image, container: Container) -> None:
    """Ask until the service answers, the container ends, the claim is lost, or this job's time is over."""
    loop = asyncio.get_running_loop()
    until, pause = loop.time() + runtime.settings.job_seconds / 2, FIRST_PAUSE
    host = urlsplit(runtime.settings.session_address(session.label)).netloc
    while container.state is ContainerState.RUNNING:
        address = container.ports.get(image.http_port)
        if address and await answers(address, image.initial_path, host):
            await _record(runtime, session, image, container, address)
            return
        if loop.time() > until or _overdue(runtime, session):
            break
        await asyncio.sleep(pause)
        pause = min(pause * GROWTH, LONGEST_PAUSE)
        container = await runtime.engine.inspect(container.name) or _gone(container)
        if not await session_claims.still_mine(session):
            raise Conflict
    await _unanswered(runtime, session, container)


def _gone(container: Container) -> Container:
    return Container(container.name, container.id, ContainerState.GONE, container.image, container.labels)


async def _record(runtime: Runtime, session: Session, image: Image, container: Container, address: Address) -> None:
    websocket = container.ports.get(image.websocket_port or image.http_port, address)
    await session_claims.mark_running(session, runtime.region, address.host, address.port, websocket.port)
    with suppress(EngineError):
        # The container's end may have come before this record, when nobody heeded it.
        await check(runtime, session.id)


async def _unanswered(runtime: Runtime, session: Session, container: Container) -> None:
    if container.state is ContainerState.RUNNING:
        seconds = round(runtime.settings.session_start_seconds)
        await _later(runtime, session, Reason.NEVER_ANSWERED, f"The workstation did not answer within {seconds} s.")
        return
    await _fail(runtime, session, Reason.CONTAINER_EXITED, "The container ended before it answered{code}.")


def _overdue(runtime: Runtime, session: Session) -> bool:
    begun = session.starting_at or session.created_at
    return now() > begun + timedelta(seconds=runtime.settings.session_start_seconds)


async def _later(runtime: Runtime, session: Session, code: Reason, sentence: str) -> None:
    """Let the launch go on in another job, or give up when the session's time to start is over."""
    if _overdue(runtime, session):
        await _fail(runtime, session, code, sentence)
    else:
        await session_claims.yield_launch(session, runtime.region, AGAIN_SECONDS)


async def _fail(runtime: Runtime, session: Session, code: Reason, sentence: str) -> None:
    """Keep what the container said, record why it failed, and only then, the claim being good, remove it."""
    remains = await remains_of(runtime, session)
    suffix = "" if remains.exit_code is None else f" with exit code {remains.exit_code}"
    await session_completion.fail(session, code, sentence.replace("{code}", suffix), remains, held=session.fence)
    with suppress(EngineError):  # The sweep removes containers whose session has ended.
        await runtime.engine.remove(runtime.container_name(session))


async def _withdraw(runtime: Runtime, session: Session) -> None:
    """Take away the container of a lost claim if no live session stands behind it."""
    present = await Session.get_or_none(id=session.id)
    if present is None or present.state in ENDINGS:
        await runtime.engine.remove(runtime.container_name(session))
