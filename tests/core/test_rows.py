"""A row is read by its key, and changed only as it was read."""

from datetime import timedelta

import pytest

from core import rows
from core.clock import now
from core.settings import Settings
from models.accounts import User
from models.images import Image, ImageState
from models.workstations import Workstation


@pytest.fixture
async def image(database: Settings) -> Image:
    user = await User.create(username="ada")
    workstation = await Workstation.create(title="Viewer", slug="viewer", creator=user)
    return await Image.create(workstation=workstation, exposed_ports=[8080], lease_until=now())


async def test_a_row_is_read_as_the_query_builder_reads_it(image: Image) -> None:
    found = await rows.by_key(Image, image.id)
    other = await Image.get(id=image.id)

    assert found is not None
    assert dict(found) == dict(other)
    assert (found.state, found.exposed_ports) == (ImageState.QUEUED, [8080])


async def test_a_row_that_is_not_there_is_none(image: Image) -> None:
    assert await rows.by_key(Image, image.id + 1) is None


async def test_a_row_that_matches_is_changed_and_only_in_what_is_said(image: Image) -> None:
    until = now() + timedelta(seconds=5)
    as_read = {"id": image.id, "state": ImageState.QUEUED, "fence": 0, "lease_until": image.lease_until, "digest": None}

    swapped = await rows.swap(Image, as_read, {"state": ImageState.IMPORTING, "fence": 1, "lease_until": until})

    changed = await Image.get(id=image.id)
    assert swapped
    assert (changed.state, changed.fence, changed.lease_until) == (ImageState.IMPORTING, 1, until)
    assert changed.exposed_ports == [8080]


@pytest.mark.parametrize(
    "differs", [{"fence": 1}, {"state": ImageState.READY}, {"lease_until": None}, {"digest": "sha256:0"}, {"id": 0}]
)
async def test_a_row_that_differs_in_anything_is_left_alone(image: Image, differs: dict[str, object]) -> None:
    as_read = {"id": image.id, "state": ImageState.QUEUED, "fence": 0, "lease_until": image.lease_until, "digest": None}

    assert not await rows.swap(Image, as_read | differs, {"fence": 7})

    assert (await Image.get(id=image.id)).fence == 0


async def test_a_time_can_be_taken_away(image: Image) -> None:
    assert await rows.swap(Image, {"id": image.id}, {"lease_until": None})

    assert (await Image.get(id=image.id)).lease_until is None
