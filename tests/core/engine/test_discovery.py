"""An engine is found, or a private one is started, shared and stopped."""

from pathlib import Path

import pytest

from core.engine.docker.engine import DockerEngine
from core.engine.local.discovery import engine_host, find_engine
from core.engine.protocol import EngineUnavailable


def test_configured_engine_must_answer(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"DOCKER_HOST=unix://.*; start it, or unset it"):
        find_engine(f"unix://{tmp_path}/none.sock")


async def test_configured_engine_is_used(real_host: str, tmp_path: Path) -> None:
    said: list[str] = []

    async with engine_host(real_host, tmp_path / "unused", said.append) as url:
        assert url == real_host

    assert said == []
    assert not (tmp_path / "unused").exists()


async def test_unconfigured_engine_is_found_or_started(tmp_path: Path) -> None:
    said: list[str] = []

    async with engine_host(None, tmp_path, said.append) as url:
        engine = DockerEngine(url)
        await engine.ping()
        await engine.close()

    assert said in ([], [f"Starting a private Docker in {tmp_path}"])
