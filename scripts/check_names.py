"""Fail on identifiers, settings, SDL names and modules that use a replaced name: check_names.py.

Only definitions count, since the names of libraries are given. scripts/old_names.py has the words.
"""

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema

from scripts.old_names import EXCEPTIONS, NAMES, WORDS

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    *("core", "models", "resolvers", "schema", "jobs", "proxy", "operations", "carrel"),
    *("scripts", "bench", "examples", "tests"),
)
GERUND = re.compile(r"(^|_)[a-z]{2,}ing(_|$)")
GERUNDS_OF_THE_FIELD = {
    *("paging", "tracing", "routing"),  # read a page of a list, record spans, choose a handler
    *(
        "messaging",
        "signing",
        "branding",
        "image_resizing",
        "gc_tuning",
    ),  # activities that have no other noun
    "stacking",  # the name of a data operation
}
"""Modules whose name ends in -ing and is a noun of the field."""
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def main() -> int:
    """Print each replaced name with its place and its replacement; return 1 if there is any."""
    found = [*_modules(), *_identifiers(), *_sdl_names()]
    for place, identifier, remedy in found:
        print(f"{place}: {identifier}: {remedy}", file=sys.stderr)
    if found:
        print(f"{len(found)} replaced names are in use; docs/glossary.md has the terms.", file=sys.stderr)
    return 1 if found else 0


def remedy(place: str, identifier: str) -> str | None:
    """Return what to use instead of an identifier in a file, or None if the identifier is fine."""
    if _is_excepted(place, identifier):
        return None
    if identifier in NAMES:
        return f"use {NAMES[identifier]}"
    for part in PART.findall(identifier):
        word = part.lower()
        if word in WORDS and not _is_excepted(place, word):
            return f"instead of {word!r} use {WORDS[word]}"
    return None


def _is_excepted(place: str, word: str) -> bool:
    path = place.partition(":")[0]
    return any(word == excepted and fnmatch(path, pattern) for pattern, excepted in EXCEPTIONS)


def python_files() -> Iterator[Path]:
    """Yield the Python files whose names are checked; migrations and generated files are history."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).parts
            if not {"migrations", "node_modules", "__pycache__"} & set(parts) and path.name != "old_names.py":
                yield path


def _modules() -> Iterator[tuple[str, str, str]]:
    for path in python_files():
        place = str(path.relative_to(ROOT))
        for name in {path.stem, path.parent.name}:
            if found := remedy(place, name):
                yield place, name, found
        if place.startswith("tests/"):
            continue
        for name in {path.stem, path.parent.name}:
            if GERUND.search(name) and name not in GERUNDS_OF_THE_FIELD:
                yield place, name, "name the module by a noun of the field, not by a gerund"


def _identifiers() -> Iterator[tuple[str, str, str]]:
    for path in python_files():
        place = str(path.relative_to(ROOT))
        for line, name in sorted(set(definitions(ast.parse(path.read_text("utf-8"))))):
            if found := remedy(place, name):
                yield f"{place}:{line}", name, found


def definitions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of every function, class, parameter, variable and attribute that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name.strip("_")
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg.strip("_")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id.strip("_")
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr.strip("_")


def _sdl_names() -> Iterator[tuple[str, str, str]]:
    place = "schema/schema.graphql"
    schema = build_schema((ROOT / place).read_text("utf-8"), assume_valid=True)
    for name, kind in schema.type_map.items():
        names = {name}
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            names |= {*kind.fields, *(argument for field in kind.fields.values() for argument in field.args)}
        elif isinstance(kind, GraphQLInputObjectType):
            names |= {*kind.fields}
        elif isinstance(kind, GraphQLEnumType):
            names |= {*kind.values}
        for each in sorted(names):
            if not name.startswith("__") and (found := remedy(place, each)):
                yield f"{place}: {name}", each, found


if __name__ == "__main__":
    sys.exit(main())
