"""How far a permission reaches: one definition per noun, compiled to SQL for lists and to a check of a single row."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tortoise.expressions import Q, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.collaborations import Participant
from models.accounts.roles import OBJECT_ROLES, Grant, Operation, Permission, Resource, Scope
from models.permissions.principal import Principal, PrincipalKind

M = TypeVar("M", bound=Model)


class Condition(ABC):
    """One way in which a row belongs to a principal."""

    @abstractmethod
    def sql(self, principal: Principal, permission: Permission) -> Q:
        """Return the condition for a statement."""

    @abstractmethod
    def holds(self, principal: Principal, permission: Permission, row: Model) -> bool | None:
        """Say whether it holds for a row; None when only the database knows."""


@dataclass(frozen=True)
class Mine(Condition):
    """The column names the principal's user."""

    column: str

    def sql(self, principal: Principal, permission: Permission) -> Q:  # noqa: ARG002
        """Compare the column."""
        return equal(self.column, principal.user_id)

    def holds(self, principal: Principal, permission: Permission, row: Model) -> bool:  # noqa: ARG002
        """Compare the attribute."""
        return bool(getattr(row, self.column) == principal.user_id)


@dataclass(frozen=True)
class Of(Condition):
    """The column names an organization for which the principal holds the permission, itself or by collaboration."""

    column: str

    def sql(self, principal: Principal, permission: Permission) -> Q:
        """Look the column up among the organizations."""
        return held_for(self.column, principal, permission)

    def holds(self, principal: Principal, permission: Permission, row: Model) -> bool | None:
        """Look the attribute up among the organizations; who collaborates with them is left to the database."""
        if getattr(row, self.column) in principal.places(permission):
            return True
        return None if principal.places(permission, Scope.COLLABORATION) else False


@dataclass(frozen=True)
class Within(Condition):
    """The column names a collaboration in which an organization takes part for which the permission is held.

    It is the row's own collaboration that counts: what an organization does in another one is nobody's business here.
    """

    column: str

    def sql(self, principal: Principal, permission: Permission) -> Q:
        """Look the column up among the collaborations."""
        mine = participations(principal.places(permission)).values("collaboration_id")
        return equal(f"{self.column}__in", Subquery(mine))

    def holds(self, principal: Principal, permission: Permission, row: Model) -> None:
        """Leave it to the database."""


@dataclass(frozen=True)
class Joined(Condition):
    """The column names an organization that the principal is a member of, as whatever."""

    column: str

    def sql(self, principal: Principal, permission: Permission) -> Q:  # noqa: ARG002
        """Look the column up among the memberships."""
        return among(self.column, principal.organization_ids)

    def holds(self, principal: Principal, permission: Permission, row: Model) -> bool:  # noqa: ARG002
        """Look the attribute up among the memberships."""
        return getattr(row, self.column) in principal.organization_ids


@dataclass(frozen=True)
class Fact(Condition):
    """The column has this value, whoever asks."""

    column: str
    value: object

    def sql(self, principal: Principal, permission: Permission) -> Q:  # noqa: ARG002
        """Compare the column."""
        return equal(self.column, self.value)

    def holds(self, principal: Principal, permission: Permission, row: Model) -> bool:  # noqa: ARG002
        """Compare the attribute."""
        return bool(getattr(row, self.column) == self.value)


@dataclass(frozen=True)
class Only(Condition):
    """Another condition, for one operation and for no other."""

    operation: Operation
    condition: Condition

    def sql(self, principal: Principal, permission: Permission) -> Q:
        """Say the other condition, or that no row has it."""
        wanted = permission.operation is self.operation
        return self.condition.sql(principal, permission) if wanted else NOTHING

    def holds(self, principal: Principal, permission: Permission, row: Model) -> bool | None:
        """Ask the other condition, or no."""
        return permission.operation is self.operation and self.condition.holds(principal, permission, row)


@dataclass(frozen=True)
class Granted(Condition):
    """A grant on the object, to the principal or to an organization of its own, has the permission."""

    resource: Resource

    def sql(self, principal: Principal, permission: Permission) -> Q:
        """Look the row up among the grants."""
        roles = [role for role, allowed in OBJECT_ROLES.items() if permission in allowed]
        rows = held_grants(principal).filter(resource=self.resource, role__in=roles)
        return Q(id__in=Subquery(rows.values("object_id"))) if roles else NOTHING

    def holds(self, principal: Principal, permission: Permission, row: Model) -> None:
        """Leave it to the database."""


@dataclass(frozen=True)
class Related(Condition):
    """Whatever a statement can say; only the database knows whether it holds for a row."""

    condition: Callable[[Principal, Permission], Q]

    def sql(self, principal: Principal, permission: Permission) -> Q:
        """Say it."""
        return self.condition(principal, permission)

    def holds(self, principal: Principal, permission: Permission, row: Model) -> None:
        """Leave it to the database."""


NOTHING = Q(id__in=[])


def equal(column: str, value: object) -> Q:
    """Return the condition that the column has the value."""
    condition: dict[str, Any] = {column: value}
    return Q(**condition)


def among(column: str, values: frozenset[int]) -> Q:
    """Return the condition that the column has one of the values."""
    return equal(f"{column}__in", sorted(values))


def participations(organizations: frozenset[int]) -> QuerySet[Participant]:
    """Return how these organizations take part in collaborations."""
    return Participant.filter(among("organization_id", organizations))


def partners(organizations: frozenset[int]) -> QuerySet[Participant]:
    """Return who takes part in any collaboration of these organizations; they themselves are among them."""
    shared = Subquery(participations(organizations).values("collaboration_id"))
    return Participant.filter(collaboration_id__in=shared)


def held_for(column: str, principal: Principal, permission: Permission) -> Q:
    """Return the condition that the column names an organization for which the principal holds the permission."""
    own = among(column, principal.places(permission))
    shared = principal.places(permission, Scope.COLLABORATION)
    return own | equal(f"{column}__in", Subquery(partners(shared).values("organization_id"))) if shared else own


async def is_held_for(organization_id: int | None, principal: Principal, permission: Permission) -> bool:
    """Say whether the principal holds the permission for this organization, itself or by collaboration."""
    if organization_id is None or organization_id in principal.places(permission):
        return organization_id is not None
    shared = principal.places(permission, Scope.COLLABORATION)
    return bool(shared) and await partners(shared).filter(organization_id=organization_id).exists()


def held_grants(principal: Principal) -> QuerySet[Grant]:
    """Return the grants that the principal holds, itself or through an organization."""
    return Grant.filter(Q(user_id=principal.user_id) | among("organization_id", principal.organization_ids))


@dataclass(frozen=True)
class Reach(Generic[M]):
    """To which rows of a noun a permission reaches in each scope.

    A wider scope has all that the narrower ones have: with the scope collaboration the conditions of `organization`
    find also what belongs to those that one collaborates with, and global has every row. `desk` stands instead of all
    of them for the container of a session, where it is given.
    """

    model: type[M]
    resource: Resource
    own: Sequence[Condition] = ()
    organization: Sequence[Condition] = ()
    desk: Sequence[Condition] | None = None

    def rows(self, principal: Principal, operation: Operation, resource: Resource | None = None) -> QuerySet[M]:
        """Return the rows to which the principal's permission for the operation reaches.

        `resource` is another noun than the rows' own, where its permissions are held on these rows.
        """
        permission = Permission(resource or self.resource, operation)
        conditions = self._conditions(principal, permission)
        if conditions is None:
            return self.model.all()
        whole = [condition.sql(principal, permission) for condition in conditions]
        return self.model.filter(Q(*whole, join_type=Q.OR) if whole else NOTHING)

    async def covers(
        self, principal: Principal, operation: Operation, row: M, resource: Resource | None = None
    ) -> bool:
        """Say whether the principal's permission for the operation reaches this row."""
        known = self._known(principal, Permission(resource or self.resource, operation), row)
        if known is not None:
            return known
        return await self.rows(principal, operation, resource).filter(id=row.pk).exists()

    def spans(self, principal: Principal, operation: Operation, row: M) -> bool:
        """Say the same at once, for nouns whose rows say by themselves whose they are; else LookupError."""
        known = self._known(principal, Permission(self.resource, operation), row)
        if known is None:
            raise LookupError(f"Only the database knows whether {self.resource} {row.pk} is reached; use covers.")
        return known

    def everywhere(self, principal: Principal, operation: Operation) -> bool:
        """Say whether the principal's permission for the operation reaches every row there is."""
        return self._conditions(principal, Permission(self.resource, operation)) is None

    def _known(self, principal: Principal, permission: Permission, row: M) -> bool | None:
        conditions = self._conditions(principal, permission)
        if conditions is None:
            return True
        answers = [condition.holds(principal, permission, row) for condition in conditions]
        return True if True in answers else None if None in answers else False

    def _conditions(self, principal: Principal, permission: Permission) -> Sequence[Condition] | None:
        """Return the conditions of which one must hold; None when every row is reached."""
        if not principal.may(*permission):
            return ()
        if principal.kind is PrincipalKind.DESK and self.desk is not None:
            return self.desk
        if principal.reaches(*permission, Scope.GLOBAL):
            return None
        wide = principal.reaches(*permission, Scope.ORGANIZATION)
        return (*self.own, *self.organization) if wide else self.own
