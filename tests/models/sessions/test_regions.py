"""The choice of a region by name, by ping time or by order."""

import pytest

from core.errors import BadInput
from models.services.sessions import regions, sessions
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.people import People


@pytest.fixture
async def far(people: People) -> Region:
    """A second region."""
    return await regions.ensure("far", 2, "https://far.example/ping")


async def test_region_is_chosen_by_name_then_ping_then_order(people: People, far: Region) -> None:
    pings = {"local": 80.0, "far": 7.5}

    assert (await regions.nearest("local", pings)).name == "local"
    assert (await regions.nearest(None, pings)).name == "far"
    assert (await regions.nearest(None, {})).name == "local"


async def test_inactive_region_is_refused(people: People, far: Region) -> None:
    await Region.filter(id=far.id).update(is_active=False)

    with pytest.raises(BadInput, match="regions are: local") as caught:
        await regions.nearest(None, {"far": 7.5})

    assert caught.value.path == ("pings",)


@pytest.mark.parametrize("milliseconds", [-0.1, 60_000.1, float("nan"), float("inf")])
async def test_invalid_ping_time_is_refused(people: People, milliseconds: float) -> None:
    with pytest.raises(BadInput, match="milliseconds"):
        await regions.nearest(None, {"local": milliseconds})


async def test_ping_times_are_stored_with_new_sessions_only(people: People) -> None:
    actor = await people.actor("editor")
    session, _ = await sessions.launch(people.image, people.region, people.settings, actor=actor, pings={"local": 1.5})

    again, is_new = await sessions.launch(
        people.image, people.region, people.settings, actor=actor, pings={"local": 9.0}
    )

    assert (again.id, is_new) == (session.id, False)
    assert (await Session.get(id=session.id)).ping_times == {"local": 1.5}


async def test_ensure_updates_region_from_configuration(people: People, far: Region) -> None:
    await regions.ensure("far", 5)

    stored = await Region.get(name="far")
    assert (stored.id, stored.capacity, stored.ping_url) == (far.id, 5, "")
