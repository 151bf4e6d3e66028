"""The caller of a request with its permissions, and the actor that the history records for a change."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from models.accounts.history import ActorKind
from models.accounts.roles import SCOPE_WIDTH, Permission, PermissionVerb, Resource, Rule, Scope

ORGANIZATION_SCOPES = tuple(Scope)[1:]
"""The scopes that apply to particular organizations."""


class PrincipalKind(StrEnum):
    """The kind of a caller."""

    USER = "user"
    SESSION = "session"
    SERVICE = "service"


@dataclass(frozen=True)
class Principal:
    """A caller. A session token has its creator's permissions, narrowed to the rules of `SESSION`.

    `datasession_id` is the data session that the session's container can read. `rules` are all its rules. The scope
    own covers the caller's own objects and those granted to it. `org_rules` pairs each wider rule with the organization
    that it applies to. Rules of a member role apply to its organization, rules of an organization's role to that
    organization, and all others to the home organization.
    """

    kind: PrincipalKind
    user_id: int
    rules: frozenset[Rule]
    organization_ids: frozenset[int] = frozenset()
    token_id: int | None = None
    session_id: int | None = None
    datasession_id: int | None = None
    org_rules: frozenset[tuple[Rule, int]] = frozenset()

    @cached_property
    def _widths(self) -> Mapping[Permission, int]:
        return _widths_of(self.rules)

    @cached_property
    def _organizations(self) -> Mapping[tuple[Permission, Scope], frozenset[int]]:
        return _organizations_of(self.org_rules)

    def has_permission(self, resource: Resource, verb: PermissionVerb) -> bool:
        """Return whether a rule of any scope allows the verb on the resource."""
        return Permission(resource, verb) in self._widths

    def has_scope(self, resource: Resource, verb: PermissionVerb, scope: Scope) -> bool:
        """Return whether a rule with at least this scope allows the verb, for any organization."""
        return self._widths.get(Permission(resource, verb), -1) >= SCOPE_WIDTH[scope]

    def organizations_with(self, permission: Permission, scope: Scope = Scope.ORGANIZATION) -> frozenset[int]:
        """Return the ids of the organizations for which the principal has the permission with at least this scope.

        The scope collaboration also covers the organizations that these collaborate with.
        """
        return self._organizations.get((permission, scope), frozenset())

    def has_rule(self, rule: Rule, organization_id: int | None) -> bool:
        """Return whether the principal has a rule at least this wide for the organization.

        Delegating or revoking a rule requires this.
        """
        if rule.scope in (Scope.OWN, Scope.GLOBAL) or self.has_scope(rule.resource, rule.verb, Scope.GLOBAL):
            return self.has_scope(rule.resource, rule.verb, rule.scope)
        return any(
            own_organization_id == organization_id
            and own.permission == rule.permission
            and SCOPE_WIDTH[own.scope] >= SCOPE_WIDTH[rule.scope]
            for own, own_organization_id in self.org_rules
        )


@lru_cache(maxsize=2048)
def _widths_of(rules: frozenset[Rule]) -> Mapping[Permission, int]:
    widths: dict[Permission, int] = {}
    for rule in rules:
        widths[rule.permission] = max(SCOPE_WIDTH[rule.scope], widths.get(rule.permission, -1))
    return widths


@lru_cache(maxsize=2048)
def _organizations_of(org_rules: frozenset[tuple[Rule, int]]) -> Mapping[tuple[Permission, Scope], frozenset[int]]:
    organizations: defaultdict[tuple[Permission, Scope], set[int]] = defaultdict(set)
    for rule, organization_id in org_rules:
        for scope in ORGANIZATION_SCOPES[: SCOPE_WIDTH[rule.scope]]:
            organizations[rule.permission, scope].add(organization_id)
    return {key: frozenset(ids) for key, ids in organizations.items()}


@dataclass(frozen=True)
class Actor:
    """The cause of a change, as history entries record it."""

    kind: ActorKind
    user_id: int | None = None

    @classmethod
    def from_principal(cls, principal: Principal) -> "Actor":
        """Return the actor for a principal."""
        return cls(ActorKind(principal.kind), principal.user_id)


SERVICE = Actor(ActorKind.SERVICE)
ANONYMOUS = Actor(ActorKind.ANONYMOUS)
