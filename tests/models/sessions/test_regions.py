"""Where sessions run: the region that is named, else the nearest that was measured, else the first."""

import pytest

from core.errors import BadInput
from models.services.sessions import regions, sessions
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.people import Cast


@pytest.fixture
async def far(cast: Cast) -> Region:
    """A second region."""
    return await regions.ensure("far", 2, "https://far.example/ping")


async def test_a_name_wins_over_pings_and_pings_over_the_order(cast: Cast, far: Region) -> None:
    pings = {"local": 80.0, "far": 7.5}

    assert (await regions.nearest("local", pings)).name == "local"
    assert (await regions.nearest(None, pings)).name == "far"
    assert (await regions.nearest(None, {})).name == "local"


async def test_nobody_is_sent_where_nothing_can_be_launched(cast: Cast, far: Region) -> None:
    await Region.filter(id=far.id).update(is_active=False)

    with pytest.raises(BadInput, match="there are: local") as caught:
        await regions.nearest(None, {"far": 7.5})

    assert caught.value.path == ("pings",)


@pytest.mark.parametrize("milliseconds", [-0.1, 60_000.1, float("nan"), float("inf")])
async def test_what_is_no_time_is_refused(cast: Cast, milliseconds: float) -> None:
    with pytest.raises(BadInput, match="milliseconds"):
        await regions.nearest(None, {"local": milliseconds})


async def test_what_was_measured_is_kept_with_a_new_session_and_changes_no_other(cast: Cast) -> None:
    actor = await cast.actor("editor")
    session, _ = await sessions.launch(cast.image, cast.region, cast.settings, actor=actor, pings={"local": 1.5})

    again, is_new = await sessions.launch(cast.image, cast.region, cast.settings, actor=actor, pings={"local": 9.0})

    assert (again.id, is_new) == (session.id, False)
    assert (await Session.get(id=session.id)).ping_times == {"local": 1.5}


async def test_a_region_is_given_what_is_configured_now(cast: Cast, far: Region) -> None:
    await regions.ensure("far", 5)

    kept = await Region.get(name="far")
    assert (kept.id, kept.capacity, kept.ping_url) == (far.id, 5, "")
