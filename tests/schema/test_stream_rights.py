"""A stream uses the current permissions for each event."""

from contextlib import aclosing
from datetime import timedelta
from typing import Any

from core.clock import now
from models.accounts.roles import Role, RoleHolder, Rule
from models.accounts.tokens import Token
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import roles
from models.services.sessions import sessions
from models.sessions.sessions import Session
from schema.graphql.node import encode
from tests.schema.served import Served
from tests.schema.steps import queued_session

FOLLOW = "subscription($id: ID!) { sessionUpdated(id: $id) { state region { name } } }"


async def _publish_user_change(served: Served, user: User) -> None:
    """Publish that the user changed."""
    await served.services.bus.publish([f"user:{user.id}"])


def _codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


async def test_revoked_role_ends_the_stream(served: Served) -> None:
    session, ada = await queued_session(served), served.users["ada"]
    async with aclosing(served.follow("ada", FOLLOW, id=encode("Session", session.id))) as answers:  # type: ignore[type-var]
        assert (await anext(answers))["data"]["sessionUpdated"]["state"] == "QUEUED"

        await RoleHolder.filter(user_id=ada.id).delete()
        await _publish_user_change(served, ada)

        rest = [answer async for answer in answers]
    assert [_codes(answer) for answer in rest] == [["FORBIDDEN"]]


async def test_event_fields_use_current_permissions(served: Served) -> None:
    session, ada = await queued_session(served), served.users["ada"]
    rules = frozenset({Rule.parse("session:view:own")})
    narrow = await roles.create("watcher", rules, description="", organization_id=None, actor=SERVICE)
    async with aclosing(served.follow("ada", FOLLOW, id=encode("Session", session.id))) as answers:  # type: ignore[type-var]
        assert (await anext(answers))["data"]["sessionUpdated"]["region"] == {"name": "local"}

        await RoleHolder.filter(user_id=ada.id).update(role_id=narrow.id)
        await sessions.request_stop(session, actor=SERVICE)

        (last,) = [answer async for answer in answers]
    assert last["data"]["sessionUpdated"] == {"state": "STOPPED", "region": None}
    assert _codes(last) == ["FORBIDDEN"]


async def test_lost_global_scope_hides_sessions_of_others(served: Served) -> None:
    session, olive = await queued_session(served, "ada"), served.users["olive"]
    researcher = await Role.get(name="researcher")
    async with aclosing(served.follow("olive", FOLLOW, id=encode("Session", session.id))) as answers:  # type: ignore[type-var]
        await anext(answers)

        await RoleHolder.filter(user_id=olive.id).update(role_id=researcher.id)
        await _publish_user_change(served, olive)

        assert [answer async for answer in answers] == []


async def test_ended_token_ends_the_stream(served: Served) -> None:
    session, ada = await queued_session(served), served.users["ada"]
    async with aclosing(served.follow("ada", FOLLOW, id=encode("Session", session.id))) as answers:  # type: ignore[type-var]
        await anext(answers)

        await Token.filter(user_id=ada.id).update(expires_at=now() - timedelta(seconds=1))
        await _publish_user_change(served, ada)

        rest = [answer async for answer in answers]
    assert [_codes(answer) for answer in rest] in ([], [["UNAUTHENTICATED"]])
    assert await Session.filter(id=session.id).exists()
