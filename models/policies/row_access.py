"""Row-level access: one definition per resource gives the query for lists and the check of a single row."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tortoise.expressions import Q, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.collaborations import Participant
from models.accounts.roles import OBJECT_ROLE_PERMISSIONS, Grant, Permission, PermissionVerb, Resource, Scope
from models.permissions.principal import Principal, PrincipalKind

M = TypeVar("M", bound=Model)


class Condition(ABC):
    """A condition on a row under which a principal can access it."""

    @abstractmethod
    def to_q(self, principal: Principal, permission: Permission) -> Q:
        """Return the condition as a query expression."""

    @abstractmethod
    def matches(self, principal: Principal, permission: Permission, row: Model) -> bool | None:
        """Return whether a row fulfils the condition, or None if this takes a query."""


@dataclass(frozen=True)
class OwnedBy(Condition):
    """The column contains the id of the principal's user."""

    column: str

    def to_q(self, principal: Principal, permission: Permission) -> Q:  # noqa: ARG002
        """Compare the column."""
        return column_equals(self.column, principal.user_id)

    def matches(self, principal: Principal, permission: Permission, row: Model) -> bool:  # noqa: ARG002
        """Compare the attribute."""
        return bool(getattr(row, self.column) == principal.user_id)


@dataclass(frozen=True)
class InOrganization(Condition):
    """The column contains an organization for which the principal has the permission, directly or by collaboration."""

    column: str

    def to_q(self, principal: Principal, permission: Permission) -> Q:
        """Compare the column with those organizations."""
        return in_permitted_organization(self.column, principal, permission)

    def matches(self, principal: Principal, permission: Permission, row: Model) -> bool | None:
        """Compare the attribute with the direct organizations. Finding the collaborators takes a query."""
        if getattr(row, self.column) in principal.organizations_with(permission):
            return True
        return None if principal.organizations_with(permission, Scope.COLLABORATION) else False


@dataclass(frozen=True)
class InCollaboration(Condition):
    """The column contains a collaboration that includes an organization for which the principal has the permission.

    Only the row's own collaboration counts, not others of the same organizations.
    """

    column: str

    def to_q(self, principal: Principal, permission: Permission) -> Q:
        """Compare the column with those collaborations."""
        collaborations = participations_of(principal.organizations_with(permission)).values("collaboration_id")
        return column_equals(f"{self.column}__in", Subquery(collaborations))

    def matches(self, principal: Principal, permission: Permission, row: Model) -> None:
        """Return None: this takes a query."""


@dataclass(frozen=True)
class MemberOf(Condition):
    """The column contains an organization that the principal is a member of, in any role."""

    column: str

    def to_q(self, principal: Principal, permission: Permission) -> Q:  # noqa: ARG002
        """Compare the column with the memberships."""
        return column_in(self.column, principal.organization_ids)

    def matches(self, principal: Principal, permission: Permission, row: Model) -> bool:  # noqa: ARG002
        """Compare the attribute with the memberships."""
        return getattr(row, self.column) in principal.organization_ids


@dataclass(frozen=True)
class ColumnEquals(Condition):
    """The column has this value, for every principal."""

    column: str
    value: object

    def to_q(self, principal: Principal, permission: Permission) -> Q:  # noqa: ARG002
        """Compare the column."""
        return column_equals(self.column, self.value)

    def matches(self, principal: Principal, permission: Permission, row: Model) -> bool:  # noqa: ARG002
        """Compare the attribute."""
        return bool(getattr(row, self.column) == self.value)


@dataclass(frozen=True)
class ForVerb(Condition):
    """A condition that applies to one verb only."""

    verb: PermissionVerb
    condition: Condition

    def to_q(self, principal: Principal, permission: Permission) -> Q:
        """Return the inner condition, or one that no row fulfils."""
        applies = permission.verb is self.verb
        return self.condition.to_q(principal, permission) if applies else NO_ROWS

    def matches(self, principal: Principal, permission: Permission, row: Model) -> bool | None:
        """Evaluate the inner condition if the verb matches."""
        return permission.verb is self.verb and self.condition.matches(principal, permission, row)


@dataclass(frozen=True)
class HasGrant(Condition):
    """A grant on the row, to the principal or to one of its organizations, includes the permission."""

    resource: Resource

    def to_q(self, principal: Principal, permission: Permission) -> Q:
        """Compare the row's id with those grants."""
        roles = [role for role, allowed in OBJECT_ROLE_PERMISSIONS.items() if permission in allowed]
        rows = grants_of(principal).filter(resource=self.resource, role__in=roles)
        return Q(id__in=Subquery(rows.values("object_id"))) if roles else NO_ROWS

    def matches(self, principal: Principal, permission: Permission, row: Model) -> None:
        """Return None: this takes a query."""


@dataclass(frozen=True)
class SqlCondition(Condition):
    """A condition that a function returns as a query expression."""

    condition: Callable[[Principal, Permission], Q]

    def to_q(self, principal: Principal, permission: Permission) -> Q:
        """Return the function's expression."""
        return self.condition(principal, permission)

    def matches(self, principal: Principal, permission: Permission, row: Model) -> None:
        """Return None: this takes a query."""


NO_ROWS = Q(id__in=[])


def column_equals(column: str, value: object) -> Q:
    """Return the condition that the column has this value."""
    condition: dict[str, Any] = {column: value}
    return Q(**condition)


def column_in(column: str, values: frozenset[int]) -> Q:
    """Return the condition that the column has one of the values."""
    return column_equals(f"{column}__in", sorted(values))


def participations_of(organizations: frozenset[int]) -> QuerySet[Participant]:
    """Return the participations of these organizations in collaborations."""
    return Participant.filter(column_in("organization_id", organizations))


def collaborators_of(organizations: frozenset[int]) -> QuerySet[Participant]:
    """Return all participants in any collaboration of these organizations, including themselves."""
    shared = Subquery(participations_of(organizations).values("collaboration_id"))
    return Participant.filter(collaboration_id__in=shared)


def in_permitted_organization(column: str, principal: Principal, permission: Permission) -> Q:
    """Return the condition that the column contains an organization for which the principal has the permission."""
    own = column_in(column, principal.organizations_with(permission))
    shared = principal.organizations_with(permission, Scope.COLLABORATION)
    return (
        own | column_equals(f"{column}__in", Subquery(collaborators_of(shared).values("organization_id")))
        if shared
        else own
    )


async def has_permission_for(organization_id: int | None, principal: Principal, permission: Permission) -> bool:
    """Return whether the principal has the permission for this organization, directly or by collaboration."""
    if organization_id is None or organization_id in principal.organizations_with(permission):
        return organization_id is not None
    shared = principal.organizations_with(permission, Scope.COLLABORATION)
    return bool(shared) and await collaborators_of(shared).filter(organization_id=organization_id).exists()


def grants_of(principal: Principal) -> QuerySet[Grant]:
    """Return the grants to the principal and to its organizations."""
    return Grant.filter(Q(user_id=principal.user_id) | column_in("organization_id", principal.organization_ids))


@dataclass(frozen=True)
class RowAccess(Generic[M]):
    """The rows of a resource that a permission covers in each scope.

    A wider scope includes the narrower ones. With the scope collaboration, the conditions of `organization` also find
    the rows of collaborating organizations. The scope global covers every row. For session tokens, the conditions of
    `session_token` replace all others if they are given.
    """

    model: type[M]
    resource: Resource
    own: Sequence[Condition] = ()
    organization: Sequence[Condition] = ()
    session_token: Sequence[Condition] | None = None

    def rows(self, principal: Principal, verb: PermissionVerb, resource: Resource | None = None) -> QuerySet[M]:
        """Return the rows that the principal's permission for the verb covers.

        Pass `resource` if the permission belongs to another resource than the rows, as `response:view` to a study.
        """
        permission = Permission(resource or self.resource, verb)
        conditions = self._conditions(principal, permission)
        if conditions is None:
            return self.model.all()
        alternatives = [condition.to_q(principal, permission) for condition in conditions]
        return self.model.filter(Q(*alternatives, join_type=Q.OR) if alternatives else NO_ROWS)

    async def allows(
        self, principal: Principal, verb: PermissionVerb, row: M, resource: Resource | None = None
    ) -> bool:
        """Return whether the principal's permission for the verb covers this row."""
        result = self._evaluate(principal, Permission(resource or self.resource, verb), row)
        if result is not None:
            return result
        return await self.rows(principal, verb, resource).filter(id=row.pk).exists()

    def allows_without_query(self, principal: Principal, verb: PermissionVerb, row: M) -> bool:
        """Return the same without a query. LookupError if a condition takes one."""
        result = self._evaluate(principal, Permission(self.resource, verb), row)
        if result is None:
            raise LookupError(f"Access to {self.resource} {row.pk} takes a query; use `allows`.")
        return result

    def allows_all(self, principal: Principal, verb: PermissionVerb) -> bool:
        """Return whether the principal's permission for the verb covers every row."""
        return self._conditions(principal, Permission(self.resource, verb)) is None

    def _evaluate(self, principal: Principal, permission: Permission, row: M) -> bool | None:
        conditions = self._conditions(principal, permission)
        if conditions is None:
            return True
        results = [condition.matches(principal, permission, row) for condition in conditions]
        return True if True in results else None if None in results else False

    def _conditions(self, principal: Principal, permission: Permission) -> Sequence[Condition] | None:
        # A row must fulfil one of the conditions. None means that every row is covered.
        if not principal.has_permission(*permission):
            return ()
        if principal.kind is PrincipalKind.SESSION and self.session_token is not None:
            return self.session_token
        if principal.has_scope(*permission, Scope.GLOBAL):
            return None
        wide = principal.has_scope(*permission, Scope.ORGANIZATION)
        return (*self.own, *self.organization) if wide else self.own
