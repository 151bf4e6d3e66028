"""Forbidden changes between two schemas: broken clients, lost descriptions, weakened permissions."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLObjectType,
    GraphQLSchema,
    build_ast_schema,
    get_named_type,
    parse,
    print_ast,
)
from graphql.utilities import find_breaking_changes, find_dangerous_changes

REMOVAL = re.compile(r"Removal: (\d{4}-\d{2}-\d{2})")
COORDINATE = re.compile(r"@?[A-Za-z_]\w*\.\w+(?:\(\w+:\))?|@\w+(?:\(\w+:\))?")
TYPE_GONE = re.compile(r"^(\w+) was removed\.$")
READ = "verb: VIEW"


@dataclass(frozen=True)
class Change:
    """One change that may not be: where, and what it is."""

    where: str
    sentence: str


@dataclass(frozen=True)
class Part:
    """One type, field, argument or value: whether it is described, and its directives."""

    is_described: bool
    directives: Mapping[str, str]
    is_output: bool


def refused(old: str, new: str, today: date) -> list[Change]:
    """List what a client or a reviewer must be spared, unless it was deprecated and its day of removal has come."""
    before, after = parse(old), parse(new)
    free = _free(before, today)
    was, becomes = build_ast_schema(before, assume_valid=True), build_ast_schema(after, assume_valid=True)
    gone = _reached(was, frozenset()) - _reached(was, free)
    changes = [Change(_where(each.description), each.description) for each in find_breaking_changes(was, becomes)]
    changes += [*_lost_descriptions(before, after), *_weakened(before, after)]
    return [each for each in changes if not _excused(each, free, gone)]


def announced(old: str, new: str) -> list[str]:
    """List the changes that break nothing by themselves but must be announced: new enum values, other defaults."""
    was, becomes = (build_ast_schema(parse(each), assume_valid=True) for each in (old, new))
    note = [each for each in find_dangerous_changes(was, becomes) if not each.type.name.startswith("OPTIONAL")]
    return [each.description for each in note]


def _where(sentence: str) -> str:
    """Return the coordinate that a sentence of graphql-core is about, else its first word."""
    if gone := TYPE_GONE.match(sentence):
        return gone[1]
    found = COORDINATE.search(sentence)
    return found[0].rstrip(".") if found else sentence.split()[0]


def _excused(change: Change, free: frozenset[str], gone: frozenset[str]) -> bool:
    above = change.where.partition("(")[0]
    return bool({change.where, above} & free) or above.partition(".")[0] in gone


def _free(document: DocumentNode, today: date) -> frozenset[str]:
    """Return what was deprecated until a day that has come; it may go."""
    return frozenset(
        where
        for where, part in _parts(document).items()
        if (note := REMOVAL.search(part.directives.get("deprecated", ""))) and date.fromisoformat(note[1]) <= today
    )


def _reached(schema: GraphQLSchema, free: frozenset[str]) -> frozenset[str]:
    """Return the types that something needs besides what is free; Node's kinds are reached by its fields."""
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    reached: set[str] = set()
    waiting: list[Any] = [root for root in roots if root]
    waiting += [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType) and kind.interfaces]
    while waiting:
        kind = waiting.pop()
        if kind.name not in reached:
            reached.add(kind.name)
            waiting += _needed(kind, free)
    return frozenset(reached)


def _needed(kind: Any, free: frozenset[str]) -> Iterator[Any]:
    yield from getattr(kind, "types", ())
    yield from getattr(kind, "interfaces", ())
    for name, field in (getattr(kind, "fields", None) or {}).items():
        if f"{kind.name}.{name}" not in free:
            yield get_named_type(field.type)
            yield from (get_named_type(each.type) for each in getattr(field, "args", {}).values())


def _lost_descriptions(before: DocumentNode, after: DocumentNode) -> list[Change]:
    now = _parts(after)
    return [
        Change(where, f"The description of {where} was removed.")
        for where, part in _parts(before).items()
        if part.is_described and where in now and not now[where].is_described
    ]


def _weakened(before: DocumentNode, after: DocumentNode) -> list[Change]:
    was = _parts(before)
    judged = [(where, _judge(was.get(where), part)) for where, part in _parts(after).items() if part.is_output]
    return [Change(where, sentence(where)) for where, sentence in judged if sentence]


def _judge(was: Part | None, now: Part) -> Callable[[str], str] | None:
    """Say what is wrong with the guard of a field; a change from reading to any other verb is no weakening."""
    guard = now.directives.get("requires")
    if guard is None and "public" not in now.directives:
        return lambda where: f"{where} says neither @requires nor @public."
    old = was.directives.get("requires") if was else None
    if old is None or old == guard:
        return None
    if guard is None:
        return lambda where: f"{where} asked for {old} and is now @public."
    if READ in old and old.partition("verb")[0] == guard.partition("verb")[0]:
        return None
    return lambda where: f"{where} asked for {old} and now for {guard}."


def _parts(document: DocumentNode) -> dict[str, Part]:
    """Return every named part of a schema by its coordinate."""
    found: dict[str, Part] = {}
    for node in document.definitions:
        definition: Any = node
        name = ("@" if definition.kind == "directive_definition" else "") + definition.name.value
        found[name] = _part(definition)
        is_output = definition.kind in {"object_type_definition", "interface_type_definition"}
        for member in (*(getattr(definition, "fields", None) or ()), *(getattr(definition, "values", None) or ())):
            where = f"{name}.{member.name.value}"
            found[where] = _part(member, is_output=is_output)
            found |= {f"{where}({each.name.value}:)": _part(each) for each in getattr(member, "arguments", None) or ()}
        if name.startswith("@"):
            found |= {f"{name}({each.name.value}:)": _part(each) for each in definition.arguments or ()}
    return found


def _part(node: Any, *, is_output: bool = False) -> Part:
    directives: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
    return Part(bool(node.description), {each.name.value: print_ast(each) for each in directives}, is_output)
