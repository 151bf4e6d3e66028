"""The private Redis is reachable by this user only, ends with its parent, and keeps its data."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import Unavailable
from core.redis.client import close_redis, open_redis
from core.redis.server import RedisServer, find_binary
from tests.waiting import eventually

PARENT = """
import asyncio, sys
from pathlib import Path
from core.redis.server import RedisServer

async def main():
    server = RedisServer(Path(sys.argv[1]))
    await server.start()
    print(server._process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _exists(path: Path) -> bool:
    return path.exists()


async def test_server_listens_on_a_private_socket_only(data_dir: Path) -> None:
    server = RedisServer(data_dir / "redis")
    address = await server.start()
    client = open_redis(address)

    assert await client.ping()
    assert (await client.config_get("port"))["port"] == "0"
    socket = Path(address.removeprefix("unix://"))
    assert [_mode(path) for path in (socket, socket.parent)] == [0o600, 0o700]

    await close_redis(client)
    await server.stop()
    assert not _exists(socket.parent)


async def test_data_survives_a_restart(data_dir: Path) -> None:
    server = RedisServer(data_dir / "redis")
    client = open_redis(await server.start())
    await client.set("kept", "yes")
    await close_redis(client)
    await server.stop()

    client = open_redis(await server.start())

    assert await client.get("kept") == b"yes"
    await close_redis(client)
    await server.stop()


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGKILL])
async def test_server_ends_with_its_parent(data_dir: Path, blow: signal.Signals) -> None:
    arguments = [sys.executable, "-c", PARENT, str(data_dir)]
    parent = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
    assert parent.stdout
    child = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    assert _alive(child)

    parent.send_signal(blow)
    await asyncio.wait_for(parent.wait(), 10)

    await eventually(lambda: not _alive(child))


async def test_unusable_data_folder_is_one_sentence(data_dir: Path) -> None:
    (data_dir / "file").write_text("not a folder")

    with pytest.raises((Unavailable, OSError)):
        await RedisServer(data_dir / "file").start()


async def test_stop_is_harmless_twice_or_before_start(data_dir: Path) -> None:
    server = RedisServer(data_dir)
    await server.stop()
    await server.start()
    await server.stop()
    await server.stop()

    redis = open_redis(await server.start())
    assert await redis.ping()
    await close_redis(redis)
    await server.stop()


async def test_missing_server_error_says_what_to_install(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(data_dir))
    assert find_binary() is None

    with pytest.raises(Unavailable, match="install redis-server"):
        await RedisServer(data_dir).start()


async def test_unresponsive_server_is_killed(data_dir: Path) -> None:
    server = RedisServer(data_dir / "redis")
    await server.start()
    process = server._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)

    await server.stop(0.3)

    assert process.returncode == -signal.SIGKILL
