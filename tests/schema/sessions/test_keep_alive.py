"""Tests of sessionKeepAlive by the creator and the container, and of the nearest region."""

from datetime import datetime, timedelta

import pytest

from core.clock import now
from models.accounts.tokens import TokenKind
from models.permissions.principal import SERVICE
from models.services.accounts import tokens
from models.services.sessions import regions
from models.sessions.sessions import Session, SessionState
from tests.schema.api import Api
from tests.schema.every_mutation import CASES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEEP_ALIVE = CASES["sessionKeepAlive"].query
DEFAULT = "mutation($id: ID!) { sessionKeepAlive(id: $id) { session { expiresAt } errors { code message } } }"
ONE = "subscription($id: ID!) { sessionUpdated(id: $id) { state expiresAt } }"
MINE = "subscription { mySessions { expiresAt } }"


@pytest.fixture
async def key(api: Api) -> str:
    """The ID of the guest's session, which expires in a minute."""
    row = Session.filter(id=api.people.session.id)
    await row.update(expires_at=now() + timedelta(minutes=1), starting_at=now())
    return api.id("Session", api.people.session)


def _seconds_left(expires_at: str) -> float:
    return (datetime.fromisoformat(expires_at) - now()).total_seconds()


@pytest.mark.parametrize("name", ["guest", "container"])
async def test_creator_and_container_extend_by_default_lifetime(api: Api, key: str, name: str) -> None:
    assert 290 < _seconds_left((await api.ask(name, DEFAULT, id=key)).data["session"]["expiresAt"]) <= 300

    assert (
        890 < _seconds_left((await api.ask(name, KEEP_ALIVE, id=key, seconds=900)).data["session"]["expiresAt"]) <= 900
    )


async def test_other_container_cannot_extend_session(api: Api, key: str) -> None:
    other = await Session.create(
        image=api.people.image,
        region=api.people.region,
        creator=api.people.users["guest"],
        label="other",
        state=SessionState.RUNNING,
        maximum_seconds=60,
        expires_at=now() + timedelta(minutes=1),
    )
    _, minted = await tokens.mint(
        api.people.users["guest"].id, TokenKind.SESSION, actor=SERVICE, lifetime=None, session_id=other.id
    )
    api.tokens["other container"] = minted.text

    assert (await api.ask("other container", DEFAULT, id=key)).code == "NOT_FOUND"


async def test_session_at_its_limit_is_a_conflict(api: Api, key: str) -> None:
    limit = api.people.settings.session_seconds_limit
    started = now() - timedelta(seconds=limit - 10)
    await Session.filter(id=api.people.session.id).update(
        starting_at=started, expires_at=started + timedelta(seconds=limit)
    )

    answer = await api.ask("guest", DEFAULT, id=key)

    assert answer.code == "CONFLICT"
    assert "maximum lifetime" in answer.data["errors"][0]["message"]


async def test_stream_sends_the_new_expiry(api: Api, key: str) -> None:
    async with api.follow("guest", ONE, id=key) as one, api.follow("guest", MINE) as mine:
        assert _seconds_left((await one.value())["expiresAt"]) < 61
        assert _seconds_left((await mine.value())[0]["expiresAt"]) < 61

        await api.ask("container", DEFAULT, id=key)

        assert _seconds_left((await one.value())["expiresAt"]) > 290
        assert _seconds_left((await mine.value())[0]["expiresAt"]) > 290


async def test_nearest_region_is_selected_by_pings(api: Api) -> None:
    await regions.ensure("far", 2, "https://far.example/ping")
    asked = (await api.ask("editor", "{ regions { name pingUrl } }")).data
    assert asked == [
        {"name": "far", "pingUrl": "https://far.example/ping"},
        {"name": "local", "pingUrl": f"{api.people.settings.sessions_url}/.carrel/ping"},
    ]
    launch = """mutation($id: ID!, $input: SessionLaunchInput) { sessionLaunch(workstationId: $id, input: $input) {
      session { region { name } pings { region milliseconds } usedSeconds lastActiveAt } errors { message } } }"""
    pings = [{"region": "local", "milliseconds": 30.5}, {"region": "far", "milliseconds": 2}]

    made = await api.ask("editor", launch, id=api.id("Workstation", api.people.workstation), input={"pings": pings})

    assert made.data["session"] == {
        "region": {"name": "far"},
        "pings": [{"region": "local", "milliseconds": 30.5}, {"region": "far", "milliseconds": 2.0}],
        "usedSeconds": 0,
        "lastActiveAt": None,
    }
