"""Style rules that a program can check; each failure says what to do."""

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.tree import PACKAGES, ROOT, files, functions, modules, name, tree

CODE = (*PACKAGES, "scripts", "bench", "examples", "node")
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40
VAGUE = {"utils", "helpers", "common", "manager", "base_service", "misc"}
# Slow to import and rarely needed, so functions may import them.
LAZY = {
    "docker",
    "IPython",
    "core.engine.docker.engine",
    "core.storage.object_store",
    "argon2",
    "fakeredis",
    "boto3",
    "botocore",
}
# The brackets keep the pattern from matching this file.
LOCAL_ADDRESS = re.compile(
    r"p[y]pi\.org|pythonh[o]sted\.org|np[m]js\.(org|com)|deb\.d[e]bian\.org|proxy\.g[o]lang\.org|ghcr\.i[o]/"
    r"|/w[o]rk/(main|shared|steering)|/\.py[e]nv/|/opt/p[y]pi"
)


def test_every_module_has_a_docstring() -> None:
    undocumented = [name(path) for path in modules(*CODE, "tests") if path.read_text().strip() and not docstring(path)]

    assert not undocumented, "Begin the module with a docstring of one sentence on what it provides."


def docstring(path: Path) -> str | None:
    return ast.get_docstring(tree(path))


def test_modules_are_short() -> None:
    long = [name(path) for path in modules(*CODE) if len(path.read_text().splitlines()) > MAX_MODULE_LINES]

    assert not long, f"Split the module along its noun; {MAX_MODULE_LINES} lines are the limit."


def test_functions_are_short() -> None:
    long = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path in modules(*CODE)
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= MAX_FUNCTION_LINES
    ]

    assert not long, f"Split the function; it may have at most {MAX_FUNCTION_LINES} lines."


def test_no_module_has_a_vague_name() -> None:
    vague = [name(path) for path in modules(*CODE, "tests") if {path.stem, *path.relative_to(ROOT).parts} & VAGUE]

    assert not vague, "Name the module after its content, in the field's terms."


def test_imports_are_at_the_top() -> None:
    hidden = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*CODE)
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not imported(node) <= LAZY
    ]

    assert not hidden, "Move the import to the top; a cycle means that a name is in the wrong module."


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {dotted if dotted in LAZY else dotted.split(".")[0] for dotted in names}


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in files() if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"}
    bare = [name(folder) for folder in folders if not (folder / "__init__.py").is_file()]

    assert not bare, "Add an __init__.py; without it pytest imports tests/models as models."


def test_no_other_distribution_owns_the_package_names() -> None:
    owners = packages_distributions()
    strangers = {package: owners[package] for package in PACKAGES if set(owners.get(package, [])) - {"carrel"}}

    assert not strangers, "Uninstall these distributions: they overwrite Carrel's packages of the same name."


def test_no_file_contains_registry_or_machine_path() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in files()
        for number, line in enumerate(text(path).splitlines(), 1)
        if LOCAL_ADDRESS.search(line)
    ]

    assert not found, "Remove the address: the installation's settings name the registry."


def text(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")
