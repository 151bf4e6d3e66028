"""Sessions are kept alive over the API, by their creator and by their own container, and everybody hears of it."""

from datetime import datetime, timedelta

import pytest

from core.clock import now
from models.accounts.users import TokenKind
from models.permissions.actor import SERVICE
from models.services.accounts import users
from models.services.sessions import regions
from models.sessions.sessions import Session, SessionState
from tests.schema.api import Api
from tests.schema.every_mutation import CASES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEEP = CASES["sessionKeepAlive"].query
USUAL = "mutation($id: ID!) { sessionKeepAlive(id: $id) { session { expiresAt } errors { code message } } }"
ONE = "subscription($id: ID!) { sessionUpdated(id: $id) { state expiresAt } }"
MINE = "subscription { mySessions { expiresAt } }"


@pytest.fixture
async def key(api: Api) -> str:
    """The id of the guest's session, which ends in a minute."""
    row = Session.filter(id=api.cast.session.id)
    await row.update(expires_at=now() + timedelta(minutes=1), starting_at=now())
    return api.id("Session", api.cast.session)


def _left(told: str) -> float:
    return (datetime.fromisoformat(told) - now()).total_seconds()


@pytest.mark.parametrize("who", ["guest", "desk"])
async def test_its_creator_and_its_container_get_five_minutes_unless_they_say_more(
    api: Api, key: str, who: str
) -> None:
    assert 290 < _left((await api.ask(who, USUAL, id=key)).data["session"]["expiresAt"]) <= 300

    assert 890 < _left((await api.ask(who, KEEP, id=key, seconds=900)).data["session"]["expiresAt"]) <= 900


async def test_another_container_does_not_keep_it_alive(api: Api, key: str) -> None:
    other = await Session.create(
        image=api.cast.image,
        region=api.cast.region,
        creator=api.cast.users["guest"],
        label="other",
        state=SessionState.RUNNING,
        maximum_seconds=60,
        expires_at=now() + timedelta(minutes=1),
    )
    _, minted = await users.mint_token(
        api.cast.users["guest"].id, TokenKind.DESK, actor=SERVICE, lifetime=None, session_id=other.id
    )
    api.tokens["other desk"] = minted.text

    assert (await api.ask("other desk", USUAL, id=key)).code == "NOT_FOUND"


async def test_a_session_at_its_limit_says_so_in_the_answer(api: Api, key: str) -> None:
    limit = api.cast.settings.session_seconds_limit
    begun = now() - timedelta(seconds=limit - 10)
    await Session.filter(id=api.cast.session.id).update(starting_at=begun, expires_at=begun + timedelta(seconds=limit))

    answer = await api.ask("guest", USUAL, id=key)

    assert answer.code == "CONFLICT"
    assert "longest life" in answer.data["errors"][0]["message"]


async def test_a_new_end_is_told_to_those_who_follow(api: Api, key: str) -> None:
    async with api.follow("guest", ONE, id=key) as one, api.follow("guest", MINE) as mine:
        assert _left((await one.value())["expiresAt"]) < 61
        assert _left((await mine.value())[0]["expiresAt"]) < 61

        await api.ask("desk", USUAL, id=key)

        assert _left((await one.value())["expiresAt"]) > 290
        assert _left((await mine.value())[0]["expiresAt"]) > 290


async def test_the_nearest_region_is_taken_and_what_was_measured_is_shown(api: Api) -> None:
    await regions.ensure("far", 2, "https://far.example/ping")
    asked = (await api.ask("editor", "{ regions { name pingUrl } }")).data
    assert asked == [
        {"name": "far", "pingUrl": "https://far.example/ping"},
        {"name": "local", "pingUrl": f"{api.cast.settings.sessions_url}/.carrel/ping"},
    ]
    launch = """mutation($id: ID!, $input: SessionLaunchInput) { sessionLaunch(workstationId: $id, input: $input) {
      session { region { name } pings { region milliseconds } usedSeconds lastActiveAt } errors { message } } }"""
    pings = [{"region": "local", "milliseconds": 30.5}, {"region": "far", "milliseconds": 2}]

    made = await api.ask("editor", launch, id=api.id("Workstation", api.cast.workstation), input={"pings": pings})

    assert made.data["session"] == {
        "region": {"name": "far"},
        "pings": [{"region": "local", "milliseconds": 30.5}, {"region": "far", "milliseconds": 2.0}],
        "usedSeconds": 0,
        "lastActiveAt": None,
    }
