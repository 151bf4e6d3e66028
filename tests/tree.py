"""The files of the project, for the tests of its layout."""

import ast
import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("carrel", "core", "jobs", "models", "operations", "proxy", "resolvers", "schema")
IGNORED_FOLDERS = {"build", "dist", "node_modules", "__pycache__"}
TRACKED_DOTFILES = {".ci", ".gitignore"}


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is or would be committed."""
    listed = _listed_by_git()
    if listed is None:
        found = [path for path in ROOT.rglob("*") if all(is_tracked(part) for part in path.relative_to(ROOT).parts)]
    else:
        found = [ROOT / name for name in listed]
    return tuple(sorted(path for path in found if path.is_file()))


def _listed_by_git() -> list[str] | None:
    """Return the files that git would commit; None without git or outside a clone."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return [name for name in done.stdout.split("\0") if name] if done.returncode == 0 else None


def is_tracked(part: str) -> bool:
    """Return whether a file or folder of this name is committed; used only without git."""
    return part in TRACKED_DOTFILES or not (part.startswith(".") or part in IGNORED_FOLDERS)


def modules(*folders: str) -> list[Path]:
    """Return the Python files below these folders, without migrations."""
    return [
        path
        for path in files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in folders
        and "migrations" not in path.relative_to(ROOT).parts
    ]


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed module."""
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function and method of a module."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def name(path: Path) -> str:
    """Return the path relative to the root, for failure messages."""
    return str(path.relative_to(ROOT))
