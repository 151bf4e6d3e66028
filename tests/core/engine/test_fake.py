"""The fake engine fulfils the protocol, except for the faults that are set."""

import asyncio
import json
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import now
from core.engine.factory import open_engine
from core.engine.fake.engine import FakeEngine, FaultProfile
from core.engine.protocol import (
    Address,
    Container,
    ContainerState,
    EngineRefused,
    EngineUnavailable,
    EventAction,
    ImageMissing,
)
from core.errors import BadInput, Conflict
from tests.core.engine.conftest import Spec, chunks, tar_of

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def test_expired_deadline_creates_nothing(fake: FakeEngine, spec: Spec) -> None:
    with pytest.raises(Conflict, match="has expired"):
        await fake.ensure(spec(deadline=now()))

    assert fake.creation_counts() == {}


async def test_ensure_twice_creates_one_container(fake: FakeEngine, spec: Spec) -> None:
    first, second = await asyncio.gather(fake.ensure(spec()), fake.ensure(spec()))

    assert first.id == second.id
    assert fake.creation_counts() == {first.name: 1}


async def test_container_answers_until_it_is_removed(fake: FakeEngine, spec: Spec) -> None:
    container = await fake.ensure(spec())

    assert await get(container.ports[8080]) == 200

    await fake.remove(container.name)

    assert await fake.inspect(container.name) is None
    with pytest.raises(ConnectionError):
        await get(container.ports[8080])


async def test_exited_container_is_not_started_again(fake: FakeEngine, spec: Spec) -> None:
    await fake.ensure(spec())
    await fake.crash(spec().name, 3, oom_killed=True)

    again = await fake.ensure(spec())

    assert (again.state, again.exit_code, again.oom_killed, again.ports) == (ContainerState.EXITED, 3, True, {})
    assert fake.creation_counts() == {again.name: 1}


async def test_unreachable_engine_is_unavailable_and_keeps_containers(fake: FakeEngine, spec: Spec) -> None:
    await fake.ensure(spec())
    fake.faults = FaultProfile(unreachable=True)

    with pytest.raises(EngineUnavailable):
        await fake.ping()

    fake.faults = FaultProfile()
    assert len(await fake.list({})) == 1


async def test_call_to_slow_engine_can_be_cancelled(fake: FakeEngine, spec: Spec) -> None:
    fake.faults = FaultProfile(start_seconds=60)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fake.ensure(spec()), 0.1)

    found = await fake.inspect(spec().name)
    assert found is not None
    assert found.state is ContainerState.CREATED


@pytest.mark.parametrize("lie", [FaultProfile(raises_after_create=True), FaultProfile(raises_after_start=True)])
async def test_failed_create_is_resumed(fake: FakeEngine, spec: Spec, lie: FaultProfile) -> None:
    fake.faults = lie
    with pytest.raises(EngineUnavailable):
        await fake.ensure(spec())
    fake.faults = FaultProfile()

    container = await fake.ensure(spec())

    assert container.state is ContainerState.RUNNING
    assert fake.creation_counts() == {container.name: 1}


async def test_exited_container_can_be_reported_as_running(fake: FakeEngine, spec: Spec) -> None:
    fake.faults = FaultProfile(reports_exited_as_running=True)
    container = await fake.ensure(spec())
    await fake.crash(container.name)

    said = await fake.inspect(container.name)

    assert said is not None
    assert (said.state, said.exit_code) == (ContainerState.RUNNING, None)
    with pytest.raises(ConnectionError):
        await get(said.ports[8080])


async def test_silent_container_accepts_and_never_answers(fake: FakeEngine, spec: Spec) -> None:
    fake.faults = FaultProfile(never_answers=True)
    container = await fake.ensure(spec())

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(get(container.ports[8080]), 0.1)


async def test_container_crashes_after_its_start(fake: FakeEngine, spec: Spec) -> None:
    fake.faults = FaultProfile(crashes_after=0.05, exit_code=9)
    await fake.ensure(spec())

    events = fake.events(spec().labels, LONG_AGO)
    seen = [await asyncio.wait_for(anext(events), 5) for _ in range(2)]

    assert [(event.action, event.exit_code) for event in seen] == [(EventAction.START, None), (EventAction.DIE, 9)]


async def test_ignored_limits_are_refused(fake: FakeEngine, spec: Spec) -> None:
    fake.faults = FaultProfile(ignores_limits=True)

    with pytest.raises(EngineRefused, match="ignored the limits"):
        await fake.ensure(spec())


async def test_labels_filter_containers(fake: FakeEngine, spec: Spec) -> None:
    await fake.ensure(spec("a"))
    await fake.ensure(replace(spec("b"), labels={"kind": "other"}))

    assert [container.name for container in await fake.list({"kind": "other"})] == [spec("b").name]


async def test_logs_are_the_last_lines(fake: FakeEngine, spec: Spec) -> None:
    await fake.ensure(spec())
    fake.store.write_log(spec().name, "one\ntwo\nthree")

    assert await fake.logs(spec().name, 2) == "two\nthree\n"
    assert await fake.logs("missing", 2) == ""


async def test_strict_engine_has_only_loaded_images(spec: Spec) -> None:
    engine = FakeEngine(strict_images=True)
    with pytest.raises(ImageMissing):
        await engine.ensure(spec())

    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"User": "7", "ExposedPorts": {"80/tcp": {}}}}
    )
    manifest = json.dumps([{"Config": "c.json", "RepoTags": None, "Layers": []}])
    image_id = await engine.load(chunks(tar_of({"c.json": config.encode(), "manifest.json": manifest.encode()})))
    image = await engine.image(image_id)

    assert image is not None
    assert (image.user, image.exposed_ports, image.architecture) == ("7", (80,), "amd64")
    assert (await engine.ensure(replace(spec(), image=image_id))).state is ContainerState.RUNNING
    with pytest.raises(EngineRefused, match="uses the image"):
        await engine.remove_image(image_id)
    await engine.close()


async def test_file_that_is_not_an_archive_is_refused(fake: FakeEngine) -> None:
    with pytest.raises(EngineRefused, match="docker save"):
        await fake.load(chunks(b"not an archive"))


async def test_processes_sharing_a_folder_share_one_engine(tmp_path: Path, spec: Spec) -> None:
    url = f"fake://{tmp_path}?port=4321"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = await asyncio.to_thread(pool.starmap, ensure_at, [(url, spec())] * 6)

    engine = FakeEngine(tmp_path)
    assert {container.id for container in found} == {container.id for container in await engine.list({})}
    assert found[0].ports[8080] == Address("127.0.0.1", 4321)
    assert engine.creation_counts() == {spec().name: 1}


def test_unknown_url_is_refused() -> None:
    with pytest.raises(BadInput, match="unix:///"):
        open_engine("ftp://nowhere")


def ensure_at(url: str, spec: object) -> Container:
    return asyncio.run(open_engine(url).ensure(spec))  # type: ignore[arg-type]


async def get(address: Address) -> int:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        return int((await reader.readuntil(b"\r\n")).split()[1])
    except asyncio.IncompleteReadError as error:
        raise ConnectionError from error
    finally:
        writer.close()
