"""The Docker engine fulfils the protocol, with real containers."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import docker
import pytest

from core.clock import now
from core.engine.docker.engine import DockerEngine
from core.engine.protocol import (
    Address,
    ContainerLimits,
    ContainerState,
    EngineEvent,
    EngineRefused,
    EngineUnavailable,
    EventAction,
    ImageMissing,
    NameTaken,
)
from core.errors import Conflict
from tests.core.engine.conftest import Spec, chunks, tar_of
from tests.waiting import eventually

MINUTE = timedelta(minutes=1)
until = partial(eventually, within=20)


async def test_container_starts_with_published_ports(engine: DockerEngine, spec: Spec) -> None:
    container = await engine.ensure(spec(environment={"CARREL_SESSION_ID": "42"}))

    assert container.state is ContainerState.RUNNING
    assert container.ports[8080].host == "127.0.0.1"
    assert container.ports[8080].port != container.ports[4114].port
    await until(lambda: is_listening(container.ports[8080]))


async def test_container_runs_hardened(engine: DockerEngine, spec: Spec, raw: docker.APIClient) -> None:
    container = await engine.ensure(spec())

    attributes = raw.inspect_container(container.name)
    host = attributes["HostConfig"]
    assert attributes["Config"]["User"] == "1000:1000"
    assert host["Init"] is True
    assert host["Memory"] == host["MemorySwap"] == 128 * 2**20
    assert (host["NanoCpus"], host["PidsLimit"]) == (500_000_000, 64)
    assert host["LogConfig"]["Config"]["max-size"] == "10m"
    assert host["RestartPolicy"]["Name"] == "no"


async def test_container_has_no_capabilities_and_gains_none(engine: DockerEngine, spec: Spec) -> None:
    wished = spec(command=("python3", "-c", "print(open('/proc/self/status').read())"), ports=())
    await engine.ensure(wished)
    await until(lambda: has_exited(engine, wished.name))

    status = await engine.logs(wished.name, 100)

    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


async def test_eight_ensures_create_one_container(engine: DockerEngine, spec: Spec, real_host: str) -> None:
    other = DockerEngine(real_host)

    found = await asyncio.gather(*(who.ensure(spec()) for who in (engine, other) * 4))

    await other.close()
    assert len({container.id for container in found}) == 1
    assert {container.state for container in found} == {ContainerState.RUNNING}
    assert len(await engine.list(spec().labels)) == 1


async def test_expired_deadline_creates_nothing(engine: DockerEngine, spec: Spec) -> None:
    late = spec(deadline=now())

    with pytest.raises(Conflict, match="has expired"):
        await engine.ensure(late)

    assert await engine.inspect(late.name) is None
    assert (await engine.ensure(replace(late, deadline=now() + MINUTE))).state is ContainerState.RUNNING


async def test_created_container_is_started(engine: DockerEngine, spec: Spec, raw: docker.APIClient) -> None:
    wished = spec(ports=())
    limits = {"mem_limit": "128m", "memswap_limit": "128m", "nano_cpus": 500_000_000, "pids_limit": 64}
    host = raw.create_host_config(**limits)
    made = raw.create_container(wished.image, name=wished.name, labels=dict(wished.labels), host_config=host)

    container = await engine.ensure(wished)

    assert (container.id, container.state) == (made["Id"], ContainerState.RUNNING)


async def test_exited_container_is_not_started_again(engine: DockerEngine, spec: Spec) -> None:
    wished = spec(command=("python3", "-c", "print('bye'); raise SystemExit(7)"), ports=())
    await engine.ensure(wished)
    await until(lambda: has_exited(engine, wished.name))

    again = await engine.ensure(wished)

    assert (again.state, again.exit_code, again.ports) == (ContainerState.EXITED, 7, {})
    assert again.started_at is not None
    assert again.finished_at is not None
    assert again.started_at < again.finished_at


async def test_container_with_other_labels_is_not_adopted(engine: DockerEngine, spec: Spec) -> None:
    await engine.ensure(spec())

    with pytest.raises(NameTaken, match="did not create it"):
        await engine.ensure(spec(labels={"carrel.test": "another"}))


async def test_ignored_limits_are_refused_and_container_removed(
    engine: DockerEngine, spec: Spec, raw: docker.APIClient
) -> None:
    wished = spec()
    raw.create_container(wished.image, name=wished.name, labels=dict(wished.labels))

    with pytest.raises(EngineRefused, match="ignored the memory and swap and CPU and process limit"):
        await engine.ensure(wished)

    assert await engine.inspect(wished.name) is None


async def test_missing_image_is_named(engine: DockerEngine, spec: Spec) -> None:
    with pytest.raises(ImageMissing, match="sha256:0000"):
        await engine.ensure(spec(image="sha256:" + "0" * 64))


async def test_missing_command_exits_with_a_reason(engine: DockerEngine, spec: Spec) -> None:
    wished = spec(command=("/no/such/program",))
    await engine.ensure(wished)

    await until(lambda: has_exited(engine, wished.name))

    assert "No such file" in await engine.logs(wished.name, 5)


async def test_impossible_limits_are_refused_in_one_sentence(engine: DockerEngine, spec: Spec) -> None:
    with pytest.raises(EngineRefused) as refusal:
        await engine.ensure(spec(limits=ContainerLimits(128 * 2**20, 10_000, 64)))

    assert "CPUs" in refusal.value.message
    assert "\n" not in refusal.value.message


async def test_memory_over_the_limit_kills(engine: DockerEngine, spec: Spec) -> None:
    greedy = spec(command=("python3", "-c", "x = b'x' * 10**9"), limits=ContainerLimits(32 * 2**20, 0.5, 64), ports=())
    await engine.ensure(greedy)

    await until(lambda: has_exited(engine, greedy.name))

    container = await engine.inspect(greedy.name)
    assert container is not None
    # Podman leaves out that it was for want of memory.
    assert container.exit_code == 137


async def test_logs_have_both_streams_with_times(engine: DockerEngine, spec: Spec) -> None:
    talk = "import sys; print('out'); print('err', file=sys.stderr); sys.stdout.buffer.write(b'\\xff end\\n')"
    wished = spec(command=("python3", "-u", "-c", talk), ports=())
    await engine.ensure(wished)
    await until(lambda: has_exited(engine, wished.name))

    logs = await engine.logs(wished.name, 10)

    assert sorted(line.split(" ", 1)[1] for line in logs.splitlines()) == ["err", "out", "\ufffd end"]
    assert logs.startswith("20")
    assert len((await engine.logs(wished.name, 1)).splitlines()) == 1
    assert await engine.logs("carrel-missing", 10) == ""


async def test_stop_and_remove_may_be_repeated(engine: DockerEngine, spec: Spec) -> None:
    name = (await engine.ensure(spec())).name

    await engine.stop(name, 1)
    await engine.stop(name, 1)
    stopped = await engine.inspect(name)
    await asyncio.gather(engine.remove(name), engine.remove(name))
    await engine.remove(name)
    await engine.stop(name, 1)

    assert stopped is not None
    assert stopped.state is ContainerState.EXITED
    assert await engine.inspect(name) is None


async def test_events_report_start_exit_and_removal(engine: DockerEngine, spec: Spec) -> None:
    wished = spec()
    container = await engine.ensure(wished)
    await until(lambda: is_listening(container.ports[8080]))
    await until(lambda: request_crash(container.ports[8080]))
    await until(lambda: has_exited(engine, wished.name))
    await engine.remove(wished.name)

    seen = await take(engine.events(wished.labels, container.started_at), 3)

    assert [event.action for event in seen] == [EventAction.START, EventAction.DIE, EventAction.REMOVE]
    assert [event.exit_code for event in seen] == [None, 3, None]
    assert {event.name for event in seen} == {wished.name}


async def test_events_arrive_as_they_happen(engine: DockerEngine, spec: Spec) -> None:
    before = await engine.ensure(spec("before", ports=()))
    events = engine.events(spec().labels, before.started_at)
    assert (await take(events, 1))[0].name == before.name

    await engine.ensure(spec("later", ports=()))

    assert (await take(events, 1))[0].name == spec("later").name


async def test_containers_reach_the_host_but_not_each_other(
    engine: DockerEngine, spec: Spec, raw: docker.APIClient
) -> None:
    first = await engine.ensure(spec("first"))
    await until(lambda: is_listening(first.ports[8080]))
    networks = raw.inspect_container(first.name)["NetworkSettings"]["Networks"]
    inside = next(network["IPAddress"] for network in networks.values())
    host = await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", 0)  # noqa: S104 Any bridge.
    port = host.sockets[0].getsockname()[1]

    reach = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
    neighbour = spec("neighbour", command=("python3", "-c", reach, inside, "8080"), ports=())
    server = spec("server", command=("python3", "-c", reach, "host.docker.internal", str(port)), ports=())
    await asyncio.gather(engine.ensure(neighbour), engine.ensure(server))
    await until(lambda: has_exited(engine, neighbour.name))
    await until(lambda: has_exited(engine, server.name))

    assert "TimeoutError" in await engine.logs(neighbour.name, 20)
    assert await engine.logs(server.name, 20) == ""
    host.close()


async def test_pruned_network_is_created_again(engine: DockerEngine, spec: Spec, raw: docker.APIClient) -> None:
    wished = spec(network="carrel-test-pruned", ports=())
    await engine.ensure_network(wished.network)
    raw.remove_network(wished.network)

    container = await engine.ensure(wished)

    assert container.state is ContainerState.RUNNING
    await engine.remove(wished.name)
    raw.remove_network(wished.network)


async def test_network_without_isolation_is_refused(engine: DockerEngine, raw: docker.APIClient) -> None:
    raw.create_network("carrel-test-open", driver="bridge")

    with pytest.raises(EngineRefused, match="reach one another"):
        await engine.ensure_network("carrel-test-open")

    raw.remove_network("carrel-test-open")


async def test_an_image_is_built_saved_loaded_and_removed(
    engine: DockerEngine, raw: docker.APIClient, context: Path
) -> None:
    lines: list[str] = []
    image_id = await engine.build(context, "carrel-test/built:1", lines.append)
    archive = b"".join(raw.get_image("carrel-test/built:1"))
    await engine.remove_image("carrel-test/built:1")
    assert await engine.image(image_id) is None

    assert await engine.load(chunks(archive)) == image_id

    image = await engine.image(image_id)
    assert image is not None
    assert (image.user, image.exposed_ports, image.os) == ("1234", (9000,), "linux")
    assert image_id in {image.id for image in await engine.images()}
    assert "building" in " ".join(lines)
    await engine.remove_image(image_id)
    await engine.remove_image(image_id)


async def test_failed_build_reports_the_reason(engine: DockerEngine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM carrel/base:bookworm\nRUN exit 5\n")

    with pytest.raises(EngineRefused, match=r"code: 5|status 5"):
        await engine.build(tmp_path, "carrel-test/broken:1", [].append)


@pytest.mark.parametrize("content", [b"not an archive" * 100_000, tar_of({"a": b"b"}), b""])
async def test_file_that_is_not_an_archive_is_refused(engine: DockerEngine, content: bytes) -> None:
    with pytest.raises(EngineRefused):
        await engine.load(chunks(content))


async def test_broken_stream_fails_the_load(engine: DockerEngine) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"\0" * 512
        raise LookupError("the disk is gone")

    with pytest.raises(LookupError, match="the disk is gone"):
        await engine.load(broken())


async def test_missing_engine_is_unavailable(tmp_path: Path) -> None:
    engine = DockerEngine(f"unix://{tmp_path}/none.sock")

    with pytest.raises(EngineUnavailable):
        await engine.ping()
    with pytest.raises(EngineUnavailable):
        await anext(engine.events({}, None))

    await engine.close()


async def test_image_in_use_is_not_removed(engine: DockerEngine, spec: Spec) -> None:
    wished = replace(spec(), ports=())
    await engine.ensure(wished)

    with pytest.raises(EngineRefused, match=r"using|in use"):
        await engine.remove_image((await engine.ensure(wished)).image)


async def take(events: AsyncIterator[EngineEvent], count: int) -> list[EngineEvent]:
    return [await asyncio.wait_for(anext(events), 15) for _ in range(count)]


async def has_exited(engine: DockerEngine, name: str) -> bool:
    container = await engine.inspect(name)
    return container is not None and container.state is ContainerState.EXITED


async def is_listening(address: Address) -> bool:
    return await get_json(address, "/healthz") == {"status": "ok"}


async def request_crash(address: Address) -> bool:
    return await get_json(address, "/crash") is None


async def get_json(address: Address, path: str) -> object:
    def ask() -> object:
        try:
            with urllib.request.urlopen(f"http://{address.host}:{address.port}{path}", timeout=2) as response:
                return json.load(response)
        except (OSError, ValueError):
            return None

    return await asyncio.to_thread(ask)
