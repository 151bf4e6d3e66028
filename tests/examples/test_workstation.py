"""The example workstation serves the endpoints of the proxy's tests and the demo, from a container."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import pytest
from websockets.asyncio.client import connect

from core.engine.docker.engine import DockerEngine
from core.engine.protocol import Address, Container, ContainerLimits, ContainerSpec, ContainerState
from tests.docker_service import workstation_image
from tests.waiting import eventually

SPEC = ContainerSpec(
    name="carrel-test-example-workstation",
    image="carrel/workstation:latest",
    labels={"carrel.test": "example-workstation"},
    environment={"CARREL_SESSION_ID": "<42>", "CARREL_API_URL": "http://127.0.0.1:9/graphql"},
    ports=(8080, 4114),
    limits=ContainerLimits(128 * 2**20, 1, 64),
    network="carrel-test",
)


@pytest.fixture
async def engine(docker_host: str) -> AsyncIterator[DockerEngine]:
    """A real engine with the image."""
    workstation_image()
    engine = DockerEngine(docker_host)
    await engine.remove(SPEC.name)
    yield engine
    await engine.remove(SPEC.name)
    await engine.close()


@pytest.fixture
async def workstation(engine: DockerEngine) -> Container:
    """A running workstation that answers."""
    container = await engine.ensure(SPEC)
    await eventually(lambda: is_healthy(container.ports[8080]), within=20)
    return container


@pytest.fixture
async def client(workstation: Container) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of the workstation."""
    host, port = workstation.ports[8080]
    async with httpx2.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
        yield client


async def test_the_page_shows_the_session(client: httpx2.AsyncClient) -> None:
    root = await client.get("/")
    page = await client.get("/app/")

    assert (root.status_code, root.headers["location"]) == (302, "/app/")
    assert "&lt;42&gt;" in page.text
    assert "/mlab4d4c4142/echo" in page.text


async def test_unreachable_api_is_reported(client: httpx2.AsyncClient) -> None:
    answer = (await client.get("/viewer")).json()

    assert "is not reachable" in answer["error"]


async def test_bytes_flow_both_ways(client: httpx2.AsyncClient) -> None:
    content = (await client.get("/big", params={"bytes": 300_001})).content
    known = (await client.post("/upload", content=content)).json()
    chunked = (await client.post("/upload", content=pieces(content))).json()

    assert len(content) == 300_001
    assert known == chunked == {"bytes": 300_001, "sha256": hashlib.sha256(content).hexdigest()}


async def test_headers_are_echoed_and_events_streamed(client: httpx2.AsyncClient) -> None:
    echoed = (await client.get("/echo-headers?a=b", headers={"X-Test": "yes"})).json()
    events = (await client.get("/sse", params={"count": 2, "pause": 0})).text

    assert ["x-test", "yes"] in [[name.lower(), value] for name, value in echoed["headers"]]
    assert echoed["path"] == "/echo-headers?a=b"
    assert events.count("data: ") == 2


async def test_websocket_messages_are_counted_and_echoed(workstation: Container) -> None:
    host, port = workstation.ports[4114]
    async with connect(f"ws://{host}:{port}/mlab4d4c4142/echo", proxy=None) as socket:
        answers = []
        for message in ("one", "x" * 70_000, b"\0binary"):
            await socket.send(message)
            answers.append(await socket.recv())
        await (await socket.ping())

    assert answers == ["1: one", "2: " + "x" * 70_000, b"\0binary"]


async def test_it_crashes_on_request_and_says_so(
    engine: DockerEngine, workstation: Container, client: httpx2.AsyncClient
) -> None:
    await crash(client)

    await eventually(lambda: has_exited(engine, 3))
    assert "crashes, as it was asked to" in await engine.logs(workstation.name, 5)


async def crash(client: httpx2.AsyncClient) -> None:
    """Request the crash; its response may be lost when the server exits."""
    with suppress(httpx2.RequestError):
        await client.get("/crash")


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


async def has_exited(engine: DockerEngine, code: int) -> bool:
    container = await engine.inspect(SPEC.name)
    return container is not None and container.state is ContainerState.EXITED and container.exit_code == code


async def is_healthy(address: Address) -> bool:
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://{address.host}:{address.port}/healthz")
    except httpx2.RequestError:
        return False
    return bool(json.loads(answer.content) == {"status": "ok"})
