"""Rules: an operation on a resource within a scope; what the tables of the nouns do not name is no rule."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from models.permissions.enums import WIDTH, MemberRole, Operation, Scope, reaches
from models.permissions.tables import NOUNS, ObjectRole, Resource


class Permission(NamedTuple):
    """An operation on a resource, wherever it holds; written `workstation:edit`."""

    resource: Resource
    operation: Operation

    def __str__(self) -> str:
        return f"{self.resource}:{self.operation}"

    @classmethod
    def parse(cls, text: str) -> "Permission":
        """Read `resource:operation`; ValueError when a part is unknown."""
        resource, operation = text.split(":")
        return cls(Resource(resource), Operation(operation))


REGISTRY: Mapping[Permission, frozenset[Scope]] = {
    Permission(resource, operation): frozenset(scope for each, scope in reaches(noun.rules) if each is operation)
    for resource, noun in NOUNS.items()
    for operation in dict.fromkeys(each for each, _ in reaches(noun.rules))
}
"""The scopes in which each permission can be held."""


@dataclass(frozen=True, order=True)
class Rule:
    """A permission within a scope, written `session:create:own`; ValueError for one that no noun's table has."""

    resource: Resource
    operation: Operation
    scope: Scope

    def __post_init__(self) -> None:
        if self.scope not in REGISTRY.get(self.permission, frozenset()):
            raise ValueError(f"There is no rule {self}.")

    def __str__(self) -> str:
        return f"{self.resource}:{self.operation}:{self.scope}"

    @property
    def permission(self) -> Permission:
        """The rule without its scope."""
        return Permission(self.resource, self.operation)

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `resource:operation:scope`; ValueError when there is no such rule."""
        resource, operation, scope = text.split(":")
        return cls(Resource(resource), Operation(operation), Scope(scope))


def known(texts: Iterable[str]) -> frozenset[Rule]:
    """Read stored rules; one that a later version of the tables has no more holds nothing."""
    return frozenset(RULES[text] for text in texts if text in RULES)


RULES: Mapping[str, Rule] = {
    str(rule): rule
    for rule in sorted(
        Rule(resource, operation, scope) for (resource, operation), scopes in REGISTRY.items() for scope in scopes
    )
}
"""Every rule there is, by how it is written."""


def widest(permission: Permission) -> Rule:
    """Return the rule that holds the permission as far as it can reach."""
    return Rule(*permission, max(REGISTRY[permission], key=WIDTH.__getitem__))


OBJECT_ROLES: Mapping[ObjectRole, frozenset[Permission]] = {
    ObjectRole(role): frozenset(map(Permission.parse, permissions.split()))
    for noun in NOUNS.values()
    for role, permissions in noun.objects.items()
}
"""What each object role allows on its object."""
NOUN_OF: Mapping[ObjectRole, Resource] = {
    ObjectRole(role): resource for resource, noun in NOUNS.items() for role in noun.objects
}
"""What each object role is given on."""
MEMBER_ROLES: Mapping[MemberRole, frozenset[Rule]] = {
    role: frozenset(
        Rule(resource, Operation(word), Scope.ORGANIZATION)
        for resource, noun in NOUNS.items()
        for word in noun.members.get(role, "").split()
    )
    for role in MemberRole
}
"""What each member role holds within its organization."""


def shared_with(resource: Resource) -> Permission | None:
    """Return the permission on an object that lets somebody give its object roles; None for nouns without grants."""
    text = NOUNS[resource].shared_with
    return Permission.parse(text) if text else None
