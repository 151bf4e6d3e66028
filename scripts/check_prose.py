"""Fail on docstrings and SDL descriptions that break the prose rules of CONTRIBUTING.md: check_prose.py.

A sentence begins with its subject and uses the field's terms. The rules here are those that a machine can check.
"""

import ast
import re
import sys
from collections.abc import Iterator

from scripts.check_names import ROOT, python_files

OPENING = re.compile(r"(Who|Whoever|What|Of|Nobody)\b")
BANNED = re.compile(
    r"\b(told|heard|held|heed|lest|whom|somebody|nobody|meanwhile|whoever|ours)\b"
    r"|\bso long as\b|\bput(?:s|ting)? off\b",
    re.IGNORECASE,
)
DESCRIPTION = re.compile(r'"""(.*?)"""', re.DOTALL)


def main() -> int:
    """Print each docstring and description that breaks a rule; return 1 if there is any."""
    found = [*_docstrings(), *_descriptions()]
    for place, sentence, reason in found:
        print(f"{place}: {reason}: {sentence}", file=sys.stderr)
    if found:
        print(f"{len(found)} sentences to rewrite: subject, verb, object, in the field's terms.", file=sys.stderr)
    return 1 if found else 0


def fault(text: str) -> str | None:
    """Return the rule that a docstring breaks, or None."""
    if opening := OPENING.match(text):
        return f"begins with {opening.group()!r}"
    if banned := BANNED.search(text):
        return f"has {banned.group()!r}"
    return None


def _docstrings() -> Iterator[tuple[str, str, str]]:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            text = ast.get_docstring(node) or ""
            if reason := fault(text):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text.splitlines()[0], reason


def _descriptions() -> Iterator[tuple[str, str, str]]:
    sdl = (ROOT / "schema" / "schema.graphql").read_text("utf-8")
    for description in DESCRIPTION.finditer(sdl):
        text = description.group(1).strip()
        if reason := fault(text):
            line = sdl.count("\n", 0, description.start()) + 1
            yield f"schema/schema.graphql:{line}", text.splitlines()[0], reason


if __name__ == "__main__":
    sys.exit(main())
