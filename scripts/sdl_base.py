"""The schema that clients know, out of the history, and the changes to it that are made on purpose."""

import subprocess
from pathlib import Path

BRANCHES = ("origin/main", "main")


def accepted(file: Path) -> frozenset[str]:
    """Return the coordinates that may change on purpose; each must say why."""
    lines = [line.split(maxsplit=1) for line in file.read_text().splitlines()] if file.is_file() else []
    return frozenset(words[0] for words in lines if len(words) > 1 and not words[0].startswith("#"))


def published(root: Path, name: str) -> str | None:
    """Return the text of the schema that clients know: that of the merge base with main, and on main the last commit's.

    Once the commit in hand is all there is to look at, it is compared with the one before. None without a history.
    """
    head = _git(root, "rev-parse", "HEAD")
    base = next((found for branch in BRANCHES if (found := _git(root, "merge-base", "HEAD", branch))), head)
    if base is None:
        return None
    if base == head and _git(root, "diff", "--quiet", "HEAD", "--", name) is not None:
        base = _git(root, "rev-parse", "HEAD^") or base
    return _git(root, "show", f"{base}:{name}")


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git says; None when it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return None
    if done.returncode:
        return None
    return done.stdout if arguments[0] == "show" else done.stdout.strip()
