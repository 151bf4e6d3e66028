"""Fake and real engines for the tests of this folder."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import docker
import pytest

from core.engine.docker.engine import DockerEngine
from core.engine.fake.engine import FakeEngine
from core.engine.protocol import ContainerLimits, ContainerSpec
from tests.docker_service import workstation_image

Spec = Callable[..., ContainerSpec]


@pytest.fixture
def run_label() -> dict[str, str]:
    """Labels that only this test's containers have."""
    return {"carrel.test": uuid4().hex[:12]}


@pytest.fixture
def spec(run_label: dict[str, str]) -> Spec:
    """Return a factory of small specs; keyword arguments override fields."""

    def make(name: str = "a", **overrides: object) -> ContainerSpec:
        given: dict[str, object] = {
            "name": f"carrel-test-{run_label['carrel.test']}-{name}",
            "image": "carrel/workstation:latest",
            "labels": run_label,
            "environment": {},
            "ports": (8080, 4114),
            "limits": ContainerLimits(memory_bytes=128 * 2**20, cpus=0.5, pids=64),
            "network": "carrel-test",
            **overrides,
        }
        return ContainerSpec(**given)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def fake() -> AsyncIterator[FakeEngine]:
    """A private fake engine."""
    engine = FakeEngine()
    yield engine
    await engine.close()


@pytest.fixture(scope="session")
def real_host(docker_host: str) -> str:
    """The URL of a real engine that has the example workstation's image."""
    workstation_image()
    return docker_host


@pytest.fixture
async def engine(real_host: str, run_label: dict[str, str]) -> AsyncIterator[DockerEngine]:
    """A real engine; the containers of this test are removed afterwards."""
    engine = DockerEngine(real_host)
    yield engine
    left = await engine.list(run_label)
    await asyncio.gather(*(engine.remove(container.name) for container in left))
    await engine.close()


@pytest.fixture
def raw(real_host: str) -> Iterator[docker.APIClient]:
    """The SDK's own client, to inspect the engine directly."""
    client = docker.APIClient(real_host, timeout=30)
    yield client
    client.close()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder with a small Dockerfile for a unique image."""
    (tmp_path / "unique").write_text(uuid4().hex)
    (tmp_path / "Dockerfile").write_text(
        "FROM carrel/base:bookworm\nCOPY unique /unique\nUSER 1234\nEXPOSE 9000\nRUN echo building\n"
    )
    return tmp_path


def tar_of(members: dict[str, bytes]) -> bytes:
    """Return an uncompressed archive of the members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


async def chunks(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Yield the content piece by piece."""
    for start in range(0, len(content), size):
        yield content[start : start + size]
