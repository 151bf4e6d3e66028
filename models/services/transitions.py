"""A move from state to state: compare-and-set, its history, and the news of it, all of it or nothing."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from core.database.compare_and_set import change
from core.database.connection import transaction
from core.errors import Conflict
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from models.accounts.roles import Resource
from models.permissions.actor import Actor
from models.services.accounts import history, users
from models.sessions import images as image_table
from models.sessions import sessions as session_table
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState


async def move_session(
    session: Session,
    to: SessionState,
    actor: Actor,
    *,
    cause: str = "",
    held: int | None = None,
    news: Sequence[OutboxMessage] = (),
    **changes: Any,
) -> None:
    """Move a session, unless it has moved meanwhile or `held`, the fence of a claim, is lost: Conflict.

    The tokens of its container end with the session. `news` is what the move causes besides being told.
    """
    if to not in session_table.MOVES[session.state]:
        raise Conflict(f"Cannot go from {session.state} to {to}.")
    if to is SessionState.STOPPING or to in session_table.ENDINGS:
        changes["active_key"] = None
    entry = history.moved(Resource.SESSION, session.id, actor, session.state, to, cause)
    told = [*news, *map(outbox.event, _topics(session, to))]
    async with transaction() if to in session_table.ENDINGS else nullcontext():
        if not await change(Session, _as_read(session, held), {"state": to, **changes}, entries=[entry], news=told):
            raise Conflict("The session changed meanwhile; read it again.")
        if to in session_table.ENDINGS:
            await users.revoke_desk_tokens(session.id)
    session.update_from_dict({"state": to, **changes})


def _topics(session: Session, to: SessionState) -> list[str]:
    topics = [session.topic, f"sessions-of:{session.creator_id}"]
    if SessionState.QUEUED in (session.state, to):
        topics.append(session_table.line_topic(session.region_id))
    return topics


async def move_image(
    image: Image, to: ImageState, actor: Actor, *, cause: str = "", held: int | None = None, **changes: Any
) -> None:
    """Move an image, unless it has moved meanwhile or `held`, the fence of a claim, is lost: Conflict."""
    if to not in image_table.MOVES[image.state]:
        raise Conflict(f"Cannot go from {image.state} to {to}.")
    entry = history.moved(Resource.IMAGE, image.id, actor, image.state, to, cause)
    told = [outbox.event(f"image:{image.id}")]
    if not await change(Image, _as_read(image, held), {"state": to, **changes}, entries=[entry], news=told):
        raise Conflict("The image changed meanwhile; read it again.")
    image.update_from_dict({"state": to, **changes})


def _as_read(row: Session | Image, held: int | None) -> dict[str, Any]:
    return {"id": row.id, "state": row.state} | ({} if held is None else {"fence": held})
