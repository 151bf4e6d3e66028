"""The process pool: processes are reused, have no secrets, are replaced when they die, and leave no files."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.data.process_pool import OperationRefused, ProcessDied, ProcessPool, resolve_output
from tests.jobs.conftest import PLUGIN
from tests.waiting import eventually

COMMAND: dict[str, Any] = {"name": "Slow", "version": "1", "inputs": {"seconds": 0.01, "mark": ""}}


@pytest.fixture
async def pool(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProcessPool]:
    """A pool of one process, with the plug-in of misbehaving operations."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("CARREL_SECRET_KEY", "swordfish")
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody:swordfish@localhost/x")
    pool = ProcessPool(1, 1024)
    yield pool
    await pool.close()


async def compute(pool: ProcessPool, **inputs: Any) -> int:
    """Compute once and return the id of the process."""
    command = {**COMMAND, "inputs": {**COMMAND["inputs"], **inputs}}
    async with pool.acquire() as process:
        await process.plan(command)
        with pool.scratch_folder() as folder:
            done = await process.compute({**command, "folder": folder}, 10, lambda _message: None)
            assert resolve_output(Path(folder), done["outputs"][0]["path"])
        return process.process.pid


async def test_process_is_reused_and_replaced_after_death(pool: ProcessPool) -> None:
    first, second = await compute(pool), await compute(pool)
    assert first == second

    psutil.Process(first).kill()
    await eventually(lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == "zombie")

    assert await compute(pool) != first


async def test_process_environment_has_no_secrets(pool: ProcessPool) -> None:
    async with pool.acquire() as process:
        environment = psutil.Process(process.process.pid).environ()

    assert "swordfish" not in str(environment)
    assert not {name for name in environment if name.startswith(("CARREL_", "AWS_"))}


async def test_killed_process_does_not_affect_others() -> None:
    pool = ProcessPool(2, 1024)
    async with pool.acquire() as one, pool.acquire() as other:
        os.kill(one.process.pid, 9)
        await one.process.wait()
        with pytest.raises(ProcessDied):
            await one.plan(COMMAND)
        assert other.process.returncode is None
    await pool.close()


async def test_file_outside_scratch_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to("/etc/hostname")
    for path in ("/etc/passwd", str(tmp_path / "run" / ".." / "x"), str(tmp_path / "run" / "link"), ""):
        with pytest.raises(OperationRefused, match="outside its scratch folder"):
            resolve_output(tmp_path / "run", path)


async def test_only_folders_of_killed_workers_are_removed(
    pool: ProcessPool,
) -> None:
    with pool.scratch_folder() as folder:
        scratch = Path(folder).parent
        leftover = scratch.with_name("carrel-compute-killed")
        _create_leftover(leftover)

        another = ProcessPool(1, 1024)

        assert _exist(leftover, Path(folder)) == [False, True]
    await another.close()


def _exist(*folders: Path) -> list[bool]:
    return [folder.exists() for folder in folders]


def _create_leftover(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "lock").touch()
    (folder / "huge.fits").write_bytes(b"0")
