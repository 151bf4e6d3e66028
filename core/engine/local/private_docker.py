"""A private Docker engine in a folder: shared by the processes that use the folder, stopped by the last one."""

import fcntl
import hashlib
import http.client
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.concurrency.cancellable_thread import ThreadCancellation
from core.engine.local.sockets import http_get, is_answering
from core.engine.protocol import EngineUnavailable

_START_SECONDS = 60
_STOP_SECONDS = 30
_TERMINATE_SECONDS = 8
_SUBNETS = ipaddress.IPv4Network("10.213.0.0/16")
_MAX_SOCKET_FOLDER_LENGTH = 60


class PrivateDocker:
    """The `dockerd` with its images and containers in `folder`, separate from any other Docker of this machine.

    `start` adopts one that another process started there; `stop` stops it only when no other process uses it. After a
    crash of its users the engine keeps running, and the next `start` adopts it. Needs root, `dockerd`, `iptables` and
    `ip`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.folder_id = hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        self._run = _runtime_folder(self._folder, self.folder_id)
        self._bridge = f"carrel{self.folder_id}"
        self._pidfile = self._run / "docker.pid"
        self._user_lock: int | None = None

    @property
    def socket(self) -> Path:
        """The unix socket of the engine."""
        return self._run / "docker.sock"

    def start(self, cancellation: ThreadCancellation | None = None) -> str:
        """Return the engine's URL when it answers, starting it if needed; on cancellation it is stopped again."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._run.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not is_answering(self.socket):
                self._remove_stale_pidfiles()
                self._ensure_bridge()
                self._wait(self._launch(), cancellation or ThreadCancellation())
            # Every user holds this lock shared; who can take it exclusively is the last one.
            self._user_lock = os.open(self._folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._user_lock, fcntl.LOCK_SH)
        return f"unix://{self.socket}"

    def stop(self) -> None:
        """Stop the engine with its containers, unless another process uses it; return when it has exited."""
        if self._user_lock is None:
            return
        with self._locked():
            if self._is_last_user():
                self._terminate()
            os.close(self._user_lock)
            self._user_lock = None

    def _launch(self) -> subprocess.Popen[bytes]:
        with (self._folder / "dockerd.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 The arguments are constants and paths.
                [  # noqa: S607 The caller has found it on PATH.
                    "dockerd",
                    f"--host=unix://{self.socket}",
                    f"--data-root={self._folder / 'data'}",
                    f"--exec-root={self._run / 'exec'}",
                    f"--pidfile={self._pidfile}",
                    f"--bridge={self._bridge}",
                    f"--default-address-pool=base={_SUBNETS},size=24",
                    f"--containerd-namespace=carrel-{self.folder_id}",
                    f"--containerd-plugins-namespace=carrel-{self.folder_id}-plugins",
                    "--log-level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen[bytes], cancellation: ThreadCancellation) -> None:
        for _ in _poll(_START_SECONDS):
            if cancellation.cancelled.is_set() or process.poll() is not None:
                break
            if is_answering(self.socket):
                process.returncode = 0  # It may outlive this process, so Popen must not wait for it.
                return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TERMINATE_SECONDS)
        process.kill()
        process.wait()
        self._terminate()
        raise EngineUnavailable(f"The private Docker did not start; {self._folder / 'dockerd.log'} says why.")

    def _terminate(self) -> None:
        """Stop the process of the pidfile if it is this engine, and remove its bridges and mounts."""
        pid = self.pid()
        # Listed while the engine still answers.
        bridges = [self._bridge, *self._network_bridges()]
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            for _ in _poll(_STOP_SECONDS):
                if not _is_running(pid):
                    break
        for bridge in bridges:
            _ip("link", "delete", bridge)
        for mount in _mounts_below(self._folder, self._run):
            _command("umount", "--lazy", mount)
        shutil.rmtree(self._run, ignore_errors=True)

    def _network_bridges(self) -> list[str]:
        """Return the bridges of the engine's networks, which it does not remove itself."""
        try:
            networks = json.loads(http_get(self.socket, "/networks"))
        except (OSError, ValueError, http.client.HTTPException):
            return []
        return [f"br-{network['Id'][:12]}" for network in networks if network["Driver"] == "bridge"]

    def pid(self) -> int | None:
        """Return the process id of the running engine, or None."""
        return self._running_pid(self._pidfile)

    def _running_pid(self, pidfile: Path) -> int | None:
        try:
            pid = int(pidfile.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self._run).encode() in command else None

    def _is_last_user(self) -> bool:
        assert self._user_lock is not None  # noqa: S101
        try:
            fcntl.flock(self._user_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _remove_stale_pidfiles(self) -> None:
        """Delete the pidfiles of a killed engine: a new one would take a zombie for a running process."""
        for pidfile in (self._pidfile, self._run / "exec/containerd/containerd.pid"):
            if self._running_pid(pidfile) is None:
                pidfile.unlink(missing_ok=True)

    def _ensure_bridge(self) -> None:
        if _ip("link", "show", self._bridge).returncode == 0:
            return
        taken = json.loads(_ip("-json", "-4", "route").stdout or "[]")
        subnet = free_subnet([route["dst"] for route in taken])
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{next(subnet.hosts())}/{subnet.prefixlen}", "dev", self._bridge)
        if _ip("link", "set", self._bridge, "up").returncode:
            raise EngineUnavailable("Could not make a network bridge for a private Docker; that needs NET_ADMIN.")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock, so that one process at a time starts or stops the engine."""
        descriptor = os.open(self._folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def free_subnet(taken: list[str]) -> ipaddress.IPv4Network:
    """Return a /24 that overlaps none of the routes `taken`."""
    routes = [ipaddress.IPv4Network(route, strict=False) for route in taken if route != "default"]
    for subnet in _SUBNETS.subnets(new_prefix=24):
        if not any(subnet.overlaps(route) for route in routes):
            return subnet
    raise EngineUnavailable(f"No free subnet in {_SUBNETS} for a private Docker; set DOCKER_HOST to another engine.")


def _runtime_folder(folder: Path, folder_id: str) -> Path:
    """Return the folder of the sockets: in `folder`, unless its path is too long for a unix socket."""
    run = folder / "run"
    return run if len(str(run)) <= _MAX_SOCKET_FOLDER_LENGTH else Path("/run") / f"carrel-{folder_id}"


def _is_running(pid: int) -> bool:
    """Return whether the process exists; a child of this process is reaped first."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return Path(f"/proc/{pid}").exists()


def _poll(seconds: float) -> Iterator[None]:
    """Yield at short intervals until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


def _mounts_below(*folders: Path) -> list[str]:
    """Return the mounts that a killed engine left, innermost first."""
    points = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if any(Path(point).is_relative_to(folder) for folder in folders)]


def _ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _command("ip", *arguments)


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 The arguments are constants and paths.
