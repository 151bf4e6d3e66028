"""Who is asking: the caller of a request, with the rules that hold for this credential."""

from dataclasses import dataclass, field
from enum import StrEnum

from models.access import WIDTH, Operation, Resource, Rule, Scope


class PrincipalKind(StrEnum):
    """What sort of caller it is."""

    USER = "user"
    DESK = "desk"
    SERVICE = "service"


@dataclass(frozen=True)
class Principal:
    """A caller. A desk acts within the rights of its session's creator, narrowed to its own rules."""

    kind: PrincipalKind
    user_id: int
    rules: frozenset[Rule]
    organization_ids: frozenset[int] = frozenset()
    token_id: int | None = None
    session_id: int | None = None
    granted: frozenset[tuple[Resource, int]] = field(default=frozenset(), compare=False)

    def may(self, resource: Resource, operation: Operation) -> bool:
        """Say whether any rule, of whatever scope, allows the operation on the resource."""
        return any(rule.resource is resource and rule.operation is operation for rule in self.rules)

    def reaches(self, resource: Resource, operation: Operation, scope: Scope) -> bool:
        """Say whether a rule at least as wide as `scope` allows the operation."""
        return any(
            rule.resource is resource and rule.operation is operation and WIDTH[rule.scope] >= WIDTH[scope]
            for rule in self.rules
        )
