"""The schema as text, sorted, with descriptions and applied directives."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import strawberry
from graphql import DocumentNode, Node, Visitor, parse, print_ast, visit


class _Sorting(Visitor):
    """Sorts the members of every definition by name; directives stay as they are written."""

    def leave(self, node: Node, *_rest: object) -> Node | None:
        """Return the node with its members sorted; None keeps it as it is."""
        parts = ("fields", "arguments", "values", "types", "interfaces")
        members: dict[str, Any] = {part: getattr(node, part, None) for part in parts}
        ordered: dict[str, Any] = {part: _by_name(listed) for part, listed in members.items() if listed}
        return replace(node, **ordered) if ordered and not node.kind.startswith("directive") else None


def print_sdl(schema: strawberry.Schema) -> str:
    """Return the SDL of `schema`: directives first, then types, all by name, ending in a line break."""
    document = visit(parse(schema.as_str()), _Sorting())
    return print_ast(DocumentNode(definitions=tuple(sorted(document.definitions, key=_rank)))) + "\n"


def _rank(definition: Any) -> tuple[bool, str]:
    return definition.kind != "directive_definition", definition.name.value if hasattr(definition, "name") else ""


def _by_name(nodes: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(nodes, key=lambda node: node.name.value))
