"""The processes that compute: warm, without our secrets, replaced when they die, and tidy."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.data.process_pool import HandLost, Refused, Workshop, within
from tests.jobs.conftest import PLUGIN
from tests.waiting import eventually

ORDER: dict[str, Any] = {"name": "Patience", "version": "1", "inputs": {"seconds": 0.01, "mark": ""}}


@pytest.fixture
async def workshop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workshop]:
    """One place, with the plug-in of misbehaving operations."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("CARREL_SECRET_KEY", "swordfish")
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody:swordfish@localhost/x")
    workshop = Workshop(1, 1024)
    yield workshop
    await workshop.close()


async def computed(workshop: Workshop, **inputs: Any) -> int:
    """Compute once, and return the number of the process that did."""
    order = {**ORDER, "inputs": {**ORDER["inputs"], **inputs}}
    async with workshop.hand() as hand:
        await hand.plan(order)
        with workshop.folder() as folder:
            done = await hand.compute({**order, "folder": folder}, 10, lambda _told: None)
            assert within(Path(folder), done["outputs"][0]["path"])
        return hand.process.pid


async def test_a_process_is_kept_for_the_next_order_and_one_that_died_is_replaced(workshop: Workshop) -> None:
    first, second = await computed(workshop), await computed(workshop)
    assert first == second

    psutil.Process(first).kill()
    await eventually(lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == "zombie")

    assert await computed(workshop) != first


async def test_it_knows_none_of_our_secrets(workshop: Workshop) -> None:
    async with workshop.hand() as hand:
        environment = psutil.Process(hand.process.pid).environ()

    assert "swordfish" not in str(environment)
    assert not {name for name in environment if name.startswith(("CARREL_", "AWS_"))}


async def test_one_that_is_killed_at_work_says_so_and_takes_nobody_else_with_it() -> None:
    workshop = Workshop(2, 1024)
    async with workshop.hand() as one, workshop.hand() as other:
        os.kill(one.process.pid, 9)
        await one.process.wait()
        with pytest.raises(HandLost):
            await one.plan(ORDER)
        assert other.process.returncode is None
    await workshop.close()


async def test_a_file_outside_of_its_folder_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to("/etc/hostname")
    for path in ("/etc/passwd", str(tmp_path / "run" / ".." / "x"), str(tmp_path / "run" / "link"), ""):
        with pytest.raises(Refused, match="did not make"):
            within(tmp_path / "run", path)


async def test_what_a_killed_worker_left_is_cleared_away_and_what_a_living_one_has_is_not(workshop: Workshop) -> None:
    with workshop.folder() as folder:
        home = Path(folder).parent
        left = home.with_name("carrel-hands-of-the-dead")
        _leave(left)

        another = Workshop(1, 1024)

        assert _there(left, Path(folder)) == [False, True]
    await another.close()


def _there(*folders: Path) -> list[bool]:
    return [folder.exists() for folder in folders]


def _leave(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "lock").touch()
    (folder / "huge.fits").write_bytes(b"0")
