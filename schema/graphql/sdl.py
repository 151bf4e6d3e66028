"""Prints the schema as SDL: sorted, with descriptions and applied directives."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import strawberry
from graphql import DocumentNode, Node, Visitor, parse, print_ast, visit


class _SortMembers(Visitor):
    """Sorts the members of every definition by name. Applied directives keep their order."""

    def leave(self, node: Node, *_rest: object) -> Node | None:
        """Return the node with its members sorted, or None to keep it."""
        parts = ("fields", "arguments", "values", "types", "interfaces")
        members: dict[str, Any] = {part: getattr(node, part, None) for part in parts}
        ordered: dict[str, Any] = {part: _by_name(listed) for part, listed in members.items() if listed}
        return replace(node, **ordered) if ordered and not node.kind.startswith("directive") else None


def print_sdl(schema: strawberry.Schema) -> str:
    """Return the SDL of `schema`: directives first, then types, sorted by name."""
    document = visit(parse(schema.as_str()), _SortMembers())
    return print_ast(DocumentNode(definitions=tuple(sorted(document.definitions, key=_rank)))) + "\n"


def _rank(definition: Any) -> tuple[bool, str]:
    return definition.kind != "directive_definition", definition.name.value if hasattr(definition, "name") else ""


def _by_name(nodes: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(nodes, key=lambda node: node.name.value))
