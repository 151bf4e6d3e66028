"""House rules that a machine can see; each failure says what to do."""

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.tree import PACKAGES, ROOT, files, functions, modules, name, tree

CODE = (*PACKAGES, "scripts", "bench", "examples", "node")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
VAGUE = {"utils", "helpers", "common", "manager", "base_service", "misc"}
# Slow to import and seldom needed, so they may wait until a function runs.
LAZY = {
    "docker",
    "IPython",
    "core.engine.docker.engine",
    "core.storage.object_store",
    "argon2",
    "fakeredis",
    "botocore",
}
# Brackets keep this file from finding itself.
FOREIGN = re.compile(
    r"p[y]pi\.org|pythonh[o]sted\.org|np[m]js\.(org|com)|deb\.d[e]bian\.org|proxy\.g[o]lang\.org|ghcr\.i[o]/"
    r"|/w[o]rk/(main|shared|steering)|/\.py[e]nv/|/opt/p[y]pi"
)


def test_every_module_says_what_it_is() -> None:
    silent = [name(path) for path in modules(*CODE, "tests") if path.read_text().strip() and not docstring(path)]

    assert not silent, "Begin the module with one sentence on what it is."


def docstring(path: Path) -> str | None:
    return ast.get_docstring(tree(path))


def test_no_module_is_too_long_to_read() -> None:
    long = [name(path) for path in modules(*CODE) if len(path.read_text().splitlines()) > LONGEST_MODULE]

    assert not long, f"Split the module along its noun; {LONGEST_MODULE} lines are the limit."


def test_no_function_is_too_long_to_read() -> None:
    long = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path in modules(*CODE)
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= LONGEST_FUNCTION
    ]

    assert not long, f"Find the missing name; a function has at most {LONGEST_FUNCTION} lines."


def test_no_module_has_a_vague_name() -> None:
    vague = [name(path) for path in modules(*CODE, "tests") if {path.stem, *path.relative_to(ROOT).parts} & VAGUE]

    assert not vague, "Name the module after what it holds."


def test_imports_stand_at_the_top() -> None:
    hidden = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*CODE)
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not imported(node) <= LAZY
    ]

    assert not hidden, "Move the import to the top; a cycle means that a name stands in the wrong module."


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {dotted if dotted in LAZY else dotted.split(".")[0] for dotted in names}


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in files() if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"}
    bare = [name(folder) for folder in folders if not (folder / "__init__.py").is_file()]

    assert not bare, "Add an __init__.py; without it pytest takes tests/models for models."


def test_nobody_else_owns_our_package_names() -> None:
    owners = packages_distributions()
    strangers = {package: owners[package] for package in PACKAGES if set(owners.get(package, [])) - {"carrel"}}

    assert not strangers, "Uninstall these distributions: they overwrite our folders of the same name."


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in files()
        for number, line in enumerate(text(path).splitlines(), 1)
        if FOREIGN.search(line)
    ]

    assert not found, "Leave the address out: whoever installs says where from."


def text(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")
