"""A row has one worker at a time, and each claim has its own fence."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import now
from core.database import leases
from core.messaging import outbox
from core.settings import Settings
from models.accounts.users import User
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation
from tests.core.recording_sender import RecordingSender

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def image(database: Settings) -> Image:
    user = await User.create(username="ada")
    workstation = await Workstation.create(title="Viewer", slug="viewer", creator=user)
    return await Image.create(workstation=workstation, exposed_ports=[8080], state=ImageState.IMPORTING)


async def test_claim_raises_the_fence_and_excludes_others(image: Image) -> None:
    match, until = {"id": image.id, "state": ImageState.IMPORTING}, now() + MINUTE

    claimed = await leases.claim(Image, match, until)

    assert claimed is not None
    assert (claimed.fence, claimed.lease_until) == (1, until)
    assert dict(claimed) == dict(await Image.get(id=image.id))
    assert await leases.claim(Image, match, until) is None


async def test_expired_lease_can_be_claimed(image: Image) -> None:
    match = {"id": image.id, "state": ImageState.IMPORTING}
    assert await leases.claim(Image, match, now() - timedelta(milliseconds=1))

    second = await leases.claim(Image, match, now() + MINUTE)

    assert second is not None
    assert second.fence == 2


@pytest.mark.parametrize("differs", [{"state": ImageState.READY}, {"id": 0}, {"fence": 3}])
async def test_row_that_does_not_match_cannot_be_claimed(image: Image, differs: dict[str, object]) -> None:
    match = {"id": image.id, "state": ImageState.IMPORTING}

    assert await leases.claim(Image, match | differs, now() + MINUTE) is None

    assert (await Image.get(id=image.id)).fence == 0


async def test_one_of_many_concurrent_claims_wins(image: Image) -> None:
    match, until = {"id": image.id, "state": ImageState.IMPORTING}, now() + MINUTE

    claims = await asyncio.gather(*(leases.claim(Image, match, until) for _ in range(8)))

    assert sum(claim is not None for claim in claims) == 1
    assert (await Image.get(id=image.id)).fence == 1


async def test_claim_counts_in_the_given_column(image: Image) -> None:
    claimed = await leases.claim(
        Image, {"id": image.id, "state": ImageState.IMPORTING}, now() + MINUTE, counter="attempts"
    )

    assert claimed is not None
    assert (claimed.attempts, claimed.fence) == (1, 1)


async def test_renewal_needs_the_fence_and_the_state(image: Image) -> None:
    until = now() + MINUTE
    claimed = await leases.claim(Image, {"id": image.id, "state": ImageState.IMPORTING}, now())
    assert claimed is not None

    assert await leases.renew(claimed, ImageState.IMPORTING, until, {"comment": "half"})
    assert not await leases.renew(image, ImageState.IMPORTING, until + MINUTE), "the fence is older"
    assert not await leases.renew(claimed, ImageState.READY, until + MINUTE), "the state differs"

    row = await Image.get(id=image.id)
    assert (row.lease_until, row.comment) == (until, "half")


async def test_lost_renewal_sends_no_messages(image: Image, sender: RecordingSender) -> None:
    claimed = await leases.claim(Image, {"id": image.id, "state": ImageState.IMPORTING}, now())
    assert claimed is not None

    await leases.renew(claimed, ImageState.IMPORTING, now(), messages=[outbox.event("image:1")])
    await leases.renew(image, ImageState.IMPORTING, now(), messages=[outbox.event("image:2")])

    assert sender.sent == [("event", "image:1")]
