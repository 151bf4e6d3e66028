"""Who is asking: the caller of a request, with the rules that hold for this credential, and where they hold."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from models.accounts.roles import WIDTH, Operation, Permission, Resource, Rule, Scope

WIDER = tuple(Scope)[1:]
"""The scopes that are held for an organization."""


class PrincipalKind(StrEnum):
    """What sort of caller it is."""

    USER = "user"
    DESK = "desk"
    SERVICE = "service"


@dataclass(frozen=True)
class Principal:
    """A caller. A desk acts within the rights of its session's creator, narrowed to its own rules.

    `rules` are all that it holds; what it may do with its own things and with those granted to it has the scope own.
    `anchored` says for which organization a rule wider than own is held: a member role counts in its organization
    alone, a role of an organization there, and every other one in the user's home organization.
    """

    kind: PrincipalKind
    user_id: int
    rules: frozenset[Rule]
    organization_ids: frozenset[int] = frozenset()
    token_id: int | None = None
    session_id: int | None = None
    anchored: frozenset[tuple[Rule, int]] = frozenset()

    @cached_property
    def _widths(self) -> Mapping[Permission, int]:
        return _widths_of(self.rules)

    @cached_property
    def _places(self) -> Mapping[tuple[Permission, Scope], frozenset[int]]:
        return _places_of(self.anchored)

    def may(self, resource: Resource, operation: Operation) -> bool:
        """Say whether any rule, of whatever scope, allows the operation on the resource."""
        return Permission(resource, operation) in self._widths

    def reaches(self, resource: Resource, operation: Operation, scope: Scope) -> bool:
        """Say whether a rule at least as wide as `scope` allows the operation, wherever it holds."""
        return self._widths.get(Permission(resource, operation), -1) >= WIDTH[scope]

    def places(self, permission: Permission, scope: Scope = Scope.ORGANIZATION) -> frozenset[int]:
        """Return the organizations for which the permission is held at least as widely as `scope`.

        With the scope collaboration it is also held for those that they collaborate with.
        """
        return self._places.get((permission, scope), frozenset())

    def holds(self, rule: Rule, organization_id: int | None) -> bool:
        """Say whether the principal holds a rule at least this wide where one of this organization would hold it.

        Who gives a rule away, or takes it, must hold it so.
        """
        if rule.scope in (Scope.OWN, Scope.GLOBAL) or self.reaches(rule.resource, rule.operation, Scope.GLOBAL):
            return self.reaches(rule.resource, rule.operation, rule.scope)
        return any(
            place == organization_id and held.permission == rule.permission and WIDTH[held.scope] >= WIDTH[rule.scope]
            for held, place in self.anchored
        )


@lru_cache(maxsize=2048)
def _widths_of(rules: frozenset[Rule]) -> Mapping[Permission, int]:
    widths: dict[Permission, int] = {}
    for rule in rules:
        widths[rule.permission] = max(WIDTH[rule.scope], widths.get(rule.permission, -1))
    return widths


@lru_cache(maxsize=2048)
def _places_of(anchored: frozenset[tuple[Rule, int]]) -> Mapping[tuple[Permission, Scope], frozenset[int]]:
    places: defaultdict[tuple[Permission, Scope], set[int]] = defaultdict(set)
    for rule, organization in anchored:
        for scope in WIDER[: WIDTH[rule.scope]]:
            places[rule.permission, scope].add(organization)
    return {key: frozenset(found) for key, found in places.items()}
