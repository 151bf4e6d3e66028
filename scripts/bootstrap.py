"""Create `.venv` and install what requirements/<lock>.txt pins, only when that lock changed: bootstrap.py [run|dev]."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
PIP = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")


def main() -> int:
    """Bring `.venv` to the state of the lock; return the exit code."""
    lock = sys.argv[1] if len(sys.argv) > 1 else "run"
    if lock not in ("run", "dev"):
        return refuse(f"There is no lock named {lock}; say run or dev.", code=2)
    if is_current(lock):
        return 0
    if sys.version_info < OLDEST:
        return start_again_with_newer_python()
    try:
        install(lock)
    except subprocess.CalledProcessError as error:
        return refuse(f"`{' '.join(map(str, error.cmd[1:6]))} …` failed; its own words stand above. Then run it again.")
    return 0


def is_current(lock: str) -> bool:
    """Say whether the environment holds this lock already."""
    return stamp(lock).is_file() and stamp(lock).read_text() == state(lock) and PYTHON.exists()


def install(lock: str) -> None:
    """Create the environment if there is none, install the lock, then the project itself, and remember it."""
    started = time.monotonic()
    if not works(PYTHON):
        create()
    say(f"Installing requirements/{lock}.txt into .venv …")
    run_quietly(*PIP, "--require-hashes", "--requirement", f"requirements/{lock}.txt")
    run_quietly(*PIP, "--no-deps", "--no-build-isolation", "--editable", ".")
    for name in ("run", "dev") if lock == "dev" else ("run",):
        stamp(name).write_text(state(name))
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def create() -> None:
    """Make a fresh virtual environment; Debian keeps the part of Python that does it in a package of its own."""
    if find_spec("ensurepip") is None:
        run(sys.executable, str(ROOT / "scripts" / "system.py"), "venv")
    say(f"Creating .venv with Python {sys.version.split()[0]} …")
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", VENV)


def works(python: Path) -> bool:
    """Say whether this interpreter starts, has pip and stands where it was made: its scripts name their folder."""
    activate = python.with_name("activate")
    if not python.exists() or not activate.is_file() or str(VENV) not in activate.read_text():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def stamp(lock: str) -> Path:
    """Return the file that remembers which lock was installed."""
    return VENV / f".installed-{lock}"


def state(lock: str) -> str:
    """Return what an installation depends on: the lock, the project's own description and the folder it stands in."""
    parts = [ROOT / "requirements" / f"{lock}.txt", ROOT / "pyproject.toml"]
    content = b"\0".join([str(ROOT).encode(), *(part.read_bytes() for part in parts)])
    return hashlib.sha256(content).hexdigest()


def start_again_with_newer_python() -> int:
    """Find a Python that is new enough and hand over to it."""
    for minor in range(14, OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        if python and subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0:
            os.execv(python, [python, *sys.argv])
    return refuse("Carrel needs Python 3.11 or newer; install it, for example with `apt-get install python3.11-venv`.")


def run(*command: object) -> None:
    """Run a command in the project's folder and show its output."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


def run_quietly(*command: object) -> None:
    """Run a command and show its output only if it fails: pip warns about things that users cannot act on."""
    arguments = [str(part) for part in command]
    done = subprocess.run(
        arguments, cwd=ROOT, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
        sys.stderr.flush()
        raise subprocess.CalledProcessError(done.returncode, arguments)


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, flush=True)


def refuse(sentence: str, code: int = 1) -> int:
    """Say on the error stream why it does not go on, and return the exit code."""
    print(sentence, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
