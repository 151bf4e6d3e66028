"""State transitions of sessions and images, each one atomic with its history entry and its outbox messages."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from core.database.compare_and_set import update_with_outbox
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


async def transition_session(
    session: Session,
    to: SessionState,
    actor: Actor,
    *,
    cause: str = "",
    expected_fence: int | None = None,
    messages: Sequence[OutboxMessage] = (),
    **changes: Any,
) -> None:
    """Change the state of a session and other columns. A terminal state revokes the tokens of its container.

    Conflict if `TRANSITIONS` does not allow it, if the row was changed since it was read, or if its fence is not
    `expected_fence`. `messages` are sent besides the events of the change.
    """
    if to not in session_table.TRANSITIONS[session.state]:
        raise Conflict(f"A session that is {session.state} cannot become {to}. Read it again.")
    if to is SessionState.STOPPING or to in session_table.TERMINAL_STATES:
        changes["active_key"] = None
    entry = history.transition_entry(Resource.SESSION, session.id, actor, session.state, to, cause)
    events = [*messages, *map(outbox.event, _topics(session, to))]
    async with transaction() if to in session_table.TERMINAL_STATES else nullcontext():
        if not await update_with_outbox(
            Session, _match(session, expected_fence), {"state": to, **changes}, history=[entry], messages=events
        ):
            raise Conflict("Another request changed the session. Read it again.")
        if to in session_table.TERMINAL_STATES:
            await users.revoke_session_tokens(session.id)
    session.update_from_dict({"state": to, **changes})


def _topics(session: Session, to: SessionState) -> list[str]:
    topics = [session.topic, f"sessions-of:{session.creator_id}"]
    if SessionState.QUEUED in (session.state, to):
        topics.append(session_table.queue_topic(session.region_id))
    return topics


async def transition_image(
    image: Image, to: ImageState, actor: Actor, *, cause: str = "", expected_fence: int | None = None, **changes: Any
) -> None:
    """Change the state of an image and other columns.

    Conflict if `TRANSITIONS` does not allow it, if the row was changed since it was read, or if its fence is not
    `expected_fence`.
    """
    if to not in image_table.TRANSITIONS[image.state]:
        raise Conflict(f"An image that is {image.state} cannot become {to}. Read it again.")
    entry = history.transition_entry(Resource.IMAGE, image.id, actor, image.state, to, cause)
    events = [outbox.event(f"image:{image.id}")]
    if not await update_with_outbox(
        Image, _match(image, expected_fence), {"state": to, **changes}, history=[entry], messages=events
    ):
        raise Conflict("Another request changed the image. Read it again.")
    image.update_from_dict({"state": to, **changes})


def _match(row: Session | Image, expected_fence: int | None) -> dict[str, Any]:
    return {"id": row.id, "state": row.state} | ({} if expected_fence is None else {"fence": expected_fence})
