"""Builds the archives of the functions reproducibly: function_package.py [--out dist].

Wheels for the target come from the lock, checked by hash. Bytecode is included, so that a cold start compiles nothing;
it is marked as unchecked, because times in a zip are too coarse and its files are read-only.
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "function.txt"
PACKAGES = ("core", "models", "jobs")
EXCLUDED = ("aiosqlite", "click")
"""Requirements of parts that functions do not use: SQLite, command lines."""
DROPPED = re.compile(
    r"(^|/)(__pycache__|tests?|bin|share|include)/|\.(pyi|pyx|pxd|pxi|c|h|typed)$|/(RECORD|INSTALLER|REQUESTED)$"
    r"|^(pydantic/v1|pydantic/mypy|arq/cli|models/migrations|core/redis/server|core/web|core/engine/local/private_docker)\b"
    r"|^tortoise/(cli|migrations|contrib/pydantic|backends/(mysql|mssql|oracle|odbc|psycopg))\b"
    r"|^(asyncpg/_testbase|asyncpg/cluster|anyio/pytest_plugin|anyio/_backends/_trio|charset_normalizer/cli|urllib3/contrib/emscripten)\b"
)
MB, MIB = 10**6, 1 << 20
UNZIPPED_LIMIT = 250 * MIB
PLATFORMS = {
    "x86_64": ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "arm64": ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
}
COMPILE = """
import py_compile, sys
for path in sys.stdin.read().splitlines():
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(path, dfile=path, doraise=True, invalidation_mode=mode)
"""


@dataclass(frozen=True)
class Archive:
    """The contents of one archive and its size limit in bytes."""

    name: str
    without: tuple[str, ...]
    budget: int


ARCHIVES = (Archive("sessions", ("obstore",), 12 * MB), Archive("files", (), 18 * MB))
"""Only functions that handle files include the storage library, which is half as large as everything else."""


@dataclass(frozen=True)
class Target:
    """The Python version and processor that the functions run on."""

    python: str
    machine: str

    @property
    def has_same_python(self) -> bool:
        """Whether the target can use bytecode of this Python."""
        return self.python == f"{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Built:
    """A built archive and its sizes in bytes."""

    path: Path
    zipped: int
    unzipped: int
    files: int
    sha256: str


def main() -> int:
    """Build all archives; return 1 when one is over its budget."""
    options = _options()
    target = Target(options.python, options.machine)
    if not target.has_same_python:
        print(f"No bytecode: this Python is not {target.python}; cold starts take twice as long.", file=sys.stderr)
    errors = []
    for archive, built in zip(ARCHIVES, build(target, options.out), strict=True):
        sizes = f"{built.zipped / MB:.1f} MB, unzipped {built.unzipped / MB:.1f}, {built.files} files"
        print(f"{built.path}: {sizes}, {built.sha256[:12]}")
        errors += [error] if (error := over_budget(built, archive)) else []
    print("\n".join(errors), file=sys.stderr, end="")
    return int(bool(errors))


def _options() -> argparse.Namespace:
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    version = ".".join(map(str, sys.version_info[:2]))
    parser = argparse.ArgumentParser(
        prog="python -m scripts.function_package", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the archives (dist)")
    parser.add_argument("--python", default=version, help="version of the target (this one's)")
    parser.add_argument("--machine", choices=sorted(PLATFORMS), default=machine, help="processor of the target")
    return parser.parse_args()


def over_budget(built: Built, archive: Archive) -> str | None:
    """Return an error message for an archive that is over its budget, else None."""
    if built.zipped > archive.budget:
        limit = archive.budget // MB
        return f"{built.path.name} has {built.zipped / MB:.1f} MB, the limit is {limit}; leave something out."
    if built.unzipped > UNZIPPED_LIMIT:
        return f"{built.path.name} has {built.unzipped // MIB} MiB unzipped, the limit is {UNZIPPED_LIMIT // MIB}."
    return None


def build(target: Target, out: Path, archives: Sequence[Archive] = ARCHIVES) -> list[Built]:
    """Install and compile everything once, and zip each archive from it."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="carrel-package-") as folder:
        root, requirements = Path(folder) / "root", Path(folder) / "requirements.txt"
        requirements.write_text(pins(LOCK.read_text(), EXCLUDED))
        _install(requirements, target, root)
        for name in PACKAGES:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        _drop(root)
        if target.has_same_python:
            _compile(root)
        return [_zip(root, out / f"{archive.name}.zip", archive.without) for archive in archives]


def pins(lock: str, without: Sequence[str]) -> str:
    """Return the lock's pins with their hashes, without the distributions in `without`."""
    blocks = re.findall(r"^[a-zA-Z0-9].*(?:\n    --hash=\S+(?: \\)?)+", lock, re.MULTILINE)
    return "\n".join(block for block in blocks if re.split(r"[=\[ ]", block)[0] not in without) + "\n"


def _install(requirements: Path, target: Target, root: Path) -> None:
    platforms = [part for name in PLATFORMS[target.machine] for part in ("--platform", name)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", target.python, *platforms, "--target", str(root), "-r", str(requirements)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _drop(root: Path) -> None:
    for path in _files(root):
        if DROPPED.search(str(path.relative_to(root))):
            path.unlink()


def _compile(root: Path) -> None:
    """Compile in one process with a fixed hash seed, in order, so that the bytes are reproducible."""
    sources = "\n".join(str(path.relative_to(root)) for path in _files(root) if path.suffix == ".py")
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run(
        [sys.executable, "-P", "-c", COMPILE], input=sources, text=True, cwd=root, env=environment, check=True
    )


def _zip(root: Path, path: Path, without: Sequence[str]) -> Built:
    files = [file for file in _files(root) if re.split("[/-]", str(file.relative_to(root)))[0] not in without]
    with zipfile.ZipFile(path, "w") as opened:
        for file in files:
            entry = zipfile.ZipInfo(str(file.relative_to(root)), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            opened.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Built(path, path.stat().st_size, sum(file.stat().st_size for file in files), len(files), digest)


def _files(root: Path) -> Iterator[Path]:
    return iter(sorted(path for path in root.rglob("*") if path.is_file()))


if __name__ == "__main__":
    sys.exit(main())
