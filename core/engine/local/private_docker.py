"""A Docker engine of our own: started in a folder, shared by those who use the folder, stopped by the last of them."""

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

from core.concurrency.cancellable_thread import Patience
from core.engine.local.sockets import answers, ask
from core.engine.protocol import EngineUnavailable

_START_SECONDS = 60
_STOP_SECONDS = 30
_GIVE_UP_SECONDS = 8
_SUBNETS = ipaddress.IPv4Network("10.213.0.0/16")
_LONGEST_SOCKET_FOLDER = 60


class PrivateDocker:
    """The `dockerd` whose images and containers live in `folder`, apart from any other Docker of this machine.

    `start` adopts one that another process started there; `stop` stops it only when no other process uses it. After
    a crash of its users the engine goes on running, and the next `start` adopts it. Needs root, `dockerd`,
    `iptables` and `ip`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.mark = hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        self._run = _runtime_folder(self._folder, self.mark)
        self._bridge = f"carrel{self.mark}"
        self._pidfile = self._run / "docker.pid"
        self._user: int | None = None

    @property
    def socket(self) -> Path:
        """The unix socket that the engine listens on."""
        return self._run / "docker.sock"

    def start(self, patience: Patience | None = None) -> str:
        """Return the engine's URL when it answers, starting it when it does not run; given up, it is ended again."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._run.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not answers(self.socket):
                self._forget_the_dead()
                self._ensure_bridge()
                self._wait(self._launch(), patience or Patience())
            self._user = os.open(self._folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._user, fcntl.LOCK_SH)
        return f"unix://{self.socket}"

    def stop(self) -> None:
        """Stop the engine with its containers, unless another process uses it; return when it has ended."""
        if self._user is None:
            return
        with self._locked():
            if self._is_last_user():
                self._end()
            os.close(self._user)
            self._user = None

    def _launch(self) -> subprocess.Popen[bytes]:
        with (self._folder / "dockerd.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 Our own constants and paths.
                [  # noqa: S607 The engine's caller has found it on PATH.
                    "dockerd",
                    f"--host=unix://{self.socket}",
                    f"--data-root={self._folder / 'data'}",
                    f"--exec-root={self._run / 'exec'}",
                    f"--pidfile={self._pidfile}",
                    f"--bridge={self._bridge}",
                    f"--default-address-pool=base={_SUBNETS},size=24",
                    f"--containerd-namespace=carrel-{self.mark}",
                    f"--containerd-plugins-namespace=carrel-{self.mark}-plugins",
                    "--log-level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen[bytes], patience: Patience) -> None:
        for _ in _until(_START_SECONDS):
            if patience.over.is_set() or process.poll() is not None:
                break
            if answers(self.socket):
                process.returncode = 0  # It may outlive us, so it is not ours to wait for.
                return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GIVE_UP_SECONDS)
        process.kill()
        process.wait()
        self._end()
        raise EngineUnavailable(f"The private Docker did not start; {self._folder / 'dockerd.log'} says why.")

    def _end(self) -> None:
        """End the process in the pidfile if it is still ours, and take its bridges away."""
        pid = self.pid()
        bridges = [self._bridge, *self._network_bridges()]
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            for _ in _until(_STOP_SECONDS):
                if not _runs(pid):
                    break
        for bridge in bridges:
            _ip("link", "delete", bridge)
        for mount in _mounts_below(self._folder, self._run):
            _command("umount", "--lazy", mount)
        shutil.rmtree(self._run, ignore_errors=True)

    def _network_bridges(self) -> list[str]:
        """Return the bridges of the engine's networks: it would leave them behind, and makes them at its next start."""
        try:
            networks = json.loads(ask(self.socket, "/networks"))
        except (OSError, ValueError, http.client.HTTPException):
            return []
        return [f"br-{network['Id'][:12]}" for network in networks if network["Driver"] == "bridge"]

    def pid(self) -> int | None:
        """Return the process id of the engine while it runs."""
        return self._living(self._pidfile)

    def _living(self, pidfile: Path) -> int | None:
        try:
            pid = int(pidfile.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self._run).encode() in command else None

    def _is_last_user(self) -> bool:
        assert self._user is not None  # noqa: S101
        try:
            fcntl.flock(self._user, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _forget_the_dead(self) -> None:
        """Delete the pidfiles of an engine that was killed: a new one would take a zombie for a living process."""
        for pidfile in (self._pidfile, self._run / "exec/containerd/containerd.pid"):
            if self._living(pidfile) is None:
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
        """Hold the folder's lock, so that one process at a time starts or stops."""
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


def _runtime_folder(folder: Path, mark: str) -> Path:
    """Return where sockets go: within the folder, unless its path is too long for a unix socket."""
    run = folder / "run"
    return run if len(str(run)) <= _LONGEST_SOCKET_FOLDER else Path("/run") / f"carrel-{mark}"


def _runs(pid: int) -> bool:
    """Is the process there still? One that was our child is reaped."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return Path(f"/proc/{pid}").exists()


def _until(seconds: float) -> Iterator[None]:
    """Yield now and then until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


def _mounts_below(*folders: Path) -> list[str]:
    """Return what an engine that was killed left mounted, innermost first."""
    points = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if any(Path(point).is_relative_to(folder) for folder in folders)]


def _ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _command("ip", *arguments)


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 Our own words.
