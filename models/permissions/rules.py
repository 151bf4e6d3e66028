"""Rules: a verb on a resource within a scope. Only the rules in `models.permissions.tables` exist."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from models.permissions.enums import SCOPE_WIDTH, MemberRole, PermissionVerb, Scope, parse_rule_table
from models.permissions.tables import RESOURCE_PERMISSIONS, ObjectRole, Resource


class Permission(NamedTuple):
    """A verb on a resource, without a scope. Its text form is `workstation:edit`."""

    resource: Resource
    verb: PermissionVerb

    def __str__(self) -> str:
        return f"{self.resource}:{self.verb}"

    @classmethod
    def parse(cls, text: str) -> "Permission":
        """Parse `resource:verb`. ValueError if a part is unknown."""
        resource, verb = text.split(":")
        return cls(Resource(resource), PermissionVerb(verb))


ALLOWED_SCOPES: Mapping[Permission, frozenset[Scope]] = {
    Permission(resource, verb): frozenset(scope for each, scope in parse_rule_table(table.rules) if each is verb)
    for resource, table in RESOURCE_PERMISSIONS.items()
    for verb in dict.fromkeys(each for each, _ in parse_rule_table(table.rules))
}
"""The scopes that each permission can have."""


@dataclass(frozen=True, order=True)
class Rule:
    """A permission within a scope, as `session:create:own`. ValueError for a rule that no table declares."""

    resource: Resource
    verb: PermissionVerb
    scope: Scope

    def __post_init__(self) -> None:
        if self.scope not in ALLOWED_SCOPES.get(self.permission, frozenset()):
            raise ValueError(f"There is no rule {self}.")

    def __str__(self) -> str:
        return f"{self.resource}:{self.verb}:{self.scope}"

    @property
    def permission(self) -> Permission:
        """Return the rule without its scope."""
        return Permission(self.resource, self.verb)

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Parse `resource:verb:scope`. ValueError if there is no such rule."""
        resource, verb, scope = text.split(":")
        return cls(Resource(resource), PermissionVerb(verb), Scope(scope))


def parse_known_rules(texts: Iterable[str]) -> frozenset[Rule]:
    """Parse stored rules. Rules that the tables no longer declare are skipped."""
    return frozenset(RULES[text] for text in texts if text in RULES)


RULES: Mapping[str, Rule] = {
    str(rule): rule
    for rule in sorted(
        Rule(resource, verb, scope) for (resource, verb), scopes in ALLOWED_SCOPES.items() for scope in scopes
    )
}
"""All rules, by their text."""


def widest_rule(permission: Permission) -> Rule:
    """Return the rule with the widest scope of a permission."""
    return Rule(*permission, max(ALLOWED_SCOPES[permission], key=SCOPE_WIDTH.__getitem__))


OBJECT_ROLE_PERMISSIONS: Mapping[ObjectRole, frozenset[Permission]] = {
    ObjectRole(role): frozenset(map(Permission.parse, permissions.split()))
    for table in RESOURCE_PERMISSIONS.values()
    for role, permissions in table.object_roles.items()
}
"""The permissions that each object role has on its object."""
OBJECT_ROLE_RESOURCE: Mapping[ObjectRole, Resource] = {
    ObjectRole(role): resource for resource, table in RESOURCE_PERMISSIONS.items() for role in table.object_roles
}
"""The resource that each object role belongs to."""
MEMBER_ROLE_RULES: Mapping[MemberRole, frozenset[Rule]] = {
    role: frozenset(
        Rule(resource, PermissionVerb(verb), Scope.ORGANIZATION)
        for resource, table in RESOURCE_PERMISSIONS.items()
        for verb in table.member_roles.get(role, "").split()
    )
    for role in MemberRole
}
"""The rules that each member role has within its organization."""


def sharing_permission(resource: Resource) -> Permission | None:
    """Return the permission that sharing an object requires, or None for resources without object roles."""
    text = RESOURCE_PERMISSIONS[resource].sharing_permission
    return Permission.parse(text) if text else None
