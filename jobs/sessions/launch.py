"""The job that launches a session: claims it, ensures its container, waits until it answers, records its addresses.

Every write checks the fence of the claim; a lost claim raises Conflict.
"""

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
    ContainerLimits,
    ContainerSpec,
    ContainerState,
    EngineRefused,
    EngineUnavailable,
    ImageMissing,
)
from core.errors import Conflict, EngineError
from core.security import global_ids
from jobs.context import RegionContext
from jobs.sessions.stop import check, read_container_exit
from models.accounts.tokens import TokenKind
from models.permissions.principal import SERVICE
from models.services.accounts import tokens
from models.services.sessions import images, session_queue, session_runs
from models.services.sessions.session_lifetime import TOKEN_GRACE
from models.sessions.images import Image
from models.sessions.sessions import TERMINAL_STATES, Reason, Session
from models.sessions.workstations import Workstation

FIRST_PAUSE = 0.02
MAX_PAUSE = 0.5
GROWTH = 1.1  # The last pause adds at most a tenth of the time waited so far.
RETRY_SECONDS = 0.5
RESPONSE_SECONDS = 2.0
MAX_HEAD_BYTES = 64 * 1024


async def session_launch(context: Mapping[str, Any], session_id: int) -> None:
    """Start the container of a session that can start; idempotent."""
    region_context: RegionContext = context["region_context"]
    session = await session_runs.claim_launch(session_id, region_context.settings)
    if session is None:
        return
    try:
        await _launch(region_context, session)
    except Conflict:
        await _cleanup_lost_claim(region_context, session)
    except asyncio.CancelledError:
        await session_runs.reschedule_launch(session, region_context.region, 0)
        raise


async def _launch(region_context: RegionContext, session: Session) -> None:
    image = await Image.get(id=session.image_id)
    try:
        container = await _ensure_container(region_context, session, image)
        await _await_ready(region_context, session, image, container)
    except ImageMissing:
        await _requeue_for_reimport(region_context, session, image)
    except EngineRefused as refusal:
        await _fail(region_context, session, Reason.ENGINE_REFUSED, refusal.message)
    except EngineUnavailable as error:
        await _retry_later(region_context, session, Reason.ENGINE_UNREACHABLE, error.message)


async def _requeue_for_reimport(region_context: RegionContext, session: Session, image: Image) -> None:
    """Queue the session again until its image is reimported, and start the next session in its place."""
    await session_runs.requeue(session, "The engine has lost the image; it is imported again.")
    with suppress(Conflict):  # Another launch requested the import already.
        await images.reimport(image, region_context.region)
    await session_queue.release_slot(session)


async def _ensure_container(region_context: RegionContext, session: Session, image: Image) -> Container:
    existing = await region_context.engine.inspect(region_context.container_name(session))
    if existing and existing.state in (ContainerState.RUNNING, ContainerState.EXITED):
        return existing
    if existing:
        return await region_context.engine.ensure(_spec(region_context, session, image, existing.labels, {}))
    labels = {**region_context.labels, "carrel.id": str(session.id)}
    return await region_context.engine.ensure(
        _spec(region_context, session, image, labels, await _environment(region_context, session, image))
    )


def _spec(
    region_context: RegionContext,
    session: Session,
    image: Image,
    labels: Mapping[str, str],
    environment: dict[str, str],
) -> ContainerSpec:
    settings = region_context.settings
    return ContainerSpec(
        name=region_context.container_name(session),
        image=image.reference or "",
        labels=labels,
        environment=environment,
        ports=tuple(sorted({image.http_port, image.websocket_port or image.http_port})),
        limits=ContainerLimits(settings.session_memory_mib * 1024**2, settings.session_cpus, settings.session_pids),
        network=region_context.network,
        deadline=session.lease_until,
    )


async def _environment(region_context: RegionContext, session: Session, image: Image) -> dict[str, str]:
    """Return the variables of a new container; the platform's own override those of the creator.

    Conflict when the claim is lost, so that no token or container is created for a session that is ending.
    """
    async with transaction():
        await session_runs.renew(session, region_context.settings)
        _, minted = await tokens.mint(
            session.creator_id,
            TokenKind.SESSION,
            actor=SERVICE,
            lifetime=session.expires_at - now() + TOKEN_GRACE,
            name=f"session {session.id}",
            session_id=session.id,
        )
    workstation = await Workstation.get(id=image.workstation_id)
    variables = {
        "CARREL_API_URL": region_context.api_url,
        "CARREL_TOKEN": minted.text,
        "CARREL_SESSION_ID": str(session.id),
        "CARREL_SESSION_URL": region_context.settings.session_address(session.label),
        "CARREL_EXPIRES_AT": session.expires_at.isoformat(),
        "CARREL_HTTP_PORT": str(image.http_port),
        "CARREL_CONFIGURATION": orjson.dumps(workstation.configuration).decode(),
        "CARREL_WEBSOCKET_PORT": str(image.websocket_port or image.http_port),
    }
    if session.datasession_id is not None:
        variables["CARREL_DATASESSION"] = global_ids.encode("Datasession", session.datasession_id)
    return session.environment | variables


async def _await_ready(region_context: RegionContext, session: Session, image: Image, container: Container) -> None:
    """Poll until the service answers, the container ends, the claim is lost, or half of the job's time is over."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + region_context.settings.job_seconds / 2, FIRST_PAUSE
    host = urlsplit(region_context.settings.session_address(session.label)).netloc
    while container.state is ContainerState.RUNNING:
        address = container.ports.get(image.http_port)
        if address and await is_ready(address, image.initial_path, host):
            await _record_running(region_context, session, image, container, address)
            return
        if loop.time() > deadline or _is_overdue(region_context, session):
            break
        await asyncio.sleep(pause)
        pause = min(pause * GROWTH, MAX_PAUSE)
        container = await region_context.engine.inspect(container.name) or _missing_container(container)
        if not await session_runs.is_still_claimed(session):
            raise Conflict
    await _handle_unanswered(region_context, session, container)


def _missing_container(container: Container) -> Container:
    return Container(container.name, container.id, ContainerState.GONE, container.image, container.labels)


async def _record_running(
    region_context: RegionContext, session: Session, image: Image, container: Container, address: Address
) -> None:
    websocket = container.ports.get(image.websocket_port or image.http_port, address)
    await session_runs.mark_running(session, region_context.region, address.host, address.port, websocket.port)
    with suppress(EngineError):
        # The container may have ended before the session was RUNNING, when its events were ignored.
        await check(region_context, session.id)


async def _handle_unanswered(region_context: RegionContext, session: Session, container: Container) -> None:
    if container.state is ContainerState.RUNNING:
        seconds = round(region_context.settings.session_start_seconds)
        await _retry_later(
            region_context, session, Reason.NEVER_ANSWERED, f"The workstation did not answer within {seconds} s."
        )
        return
    await _fail(region_context, session, Reason.CONTAINER_EXITED, "The container ended before it answered{code}.")


def _is_overdue(region_context: RegionContext, session: Session) -> bool:
    started = session.starting_at or session.created_at
    return now() > started + timedelta(seconds=region_context.settings.session_start_seconds)


async def _retry_later(region_context: RegionContext, session: Session, code: Reason, sentence: str) -> None:
    """Continue the launch in another job, or fail it when the session's time to start is over."""
    if _is_overdue(region_context, session):
        await _fail(region_context, session, code, sentence)
    else:
        await session_runs.reschedule_launch(session, region_context.region, RETRY_SECONDS)


async def _fail(region_context: RegionContext, session: Session, code: Reason, sentence: str) -> None:
    """Read the container's logs, fail the session, then remove the container.

    The container is removed last: recording fails with Conflict when the claim was lost to another launch.
    """
    container_exit = await read_container_exit(region_context, session)
    suffix = "" if container_exit.exit_code is None else f" with exit code {container_exit.exit_code}"
    await session_runs.fail(
        session, code, sentence.replace("{code}", suffix), container_exit, expected_fence=session.fence
    )
    with suppress(EngineError):  # The sweep removes containers whose session has ended.
        await region_context.engine.remove(region_context.container_name(session))


async def _cleanup_lost_claim(region_context: RegionContext, session: Session) -> None:
    """Remove the container of a lost claim if its session has ended."""
    existing = await Session.get_or_none(id=session.id)
    if existing is None or existing.state in TERMINAL_STATES:
        await region_context.engine.remove(region_context.container_name(session))


async def is_ready(address: Address, path: str, host: str) -> bool:
    """Return whether a GET of `path` gets a status from 200 to 499 within RESPONSE_SECONDS.

    A TCP connection is not enough: the engine accepts on a published port before the service listens.
    """
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            status = await _status(address, path, host)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return False
    return 200 <= status < 500


async def _status(address: Address, path: str, host: str) -> int:
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=MAX_HEAD_BYTES)
    try:
        head = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: carrel\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        line = await reader.readuntil(b"\n")
        version, status, *_ = line.split()
        if not version.startswith(b"HTTP/"):
            raise ValueError("not HTTP")
        return int(status)
    finally:
        writer.close()
