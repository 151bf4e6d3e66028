"""Enums and declarations of permissions: verbs, scopes, member roles, and the declaration that each resource makes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PermissionVerb(StrEnum):
    """A verb of a permission."""

    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    SEND = "send"
    RECEIVE = "receive"


class Scope(StrEnum):
    """The rows that a rule covers, from the narrowest scope to the widest."""

    OWN = "own"
    ORGANIZATION = "organization"
    COLLABORATION = "collaboration"
    GLOBAL = "global"


SCOPE_WIDTH = {scope: width for width, scope in enumerate(Scope)}
SCOPE_LETTERS = {"O": Scope.OWN, "R": Scope.ORGANIZATION, "C": Scope.COLLABORATION, "G": Scope.GLOBAL}
"""The letters of the scopes in the tables."""


class MemberRole(StrEnum):
    """A member's role in an organization. `models.permissions.tables` says which rules each role has there."""

    GUEST = "guest"
    READONLY = "readonly"
    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class ResourcePermissions:
    """The permissions of one resource: its closed set of rules, and the roles that have them.

    `rules` lists the verbs and their scopes, as `view:ORCG edit:OG`. No other rule can be granted.
    `roles` lists the rules of each default role, in the same form.
    `member_roles` lists the verbs that a member role has within its organization, as `view edit`.
    `object_roles` lists the permissions of an object role on its one object, as `study:view study:edit`. Only resources
    that can be shared have object roles. `sharing_permission` is the permission that sharing such an object requires.
    `last_holder_role` is the object role whose last holder cannot be removed.
    """

    description: str
    rules: str
    roles: Mapping[str, str] = field(default_factory=dict)
    member_roles: Mapping[MemberRole, str] = field(default_factory=dict)
    object_roles: Mapping[str, str] = field(default_factory=dict)
    sharing_permission: str = ""
    last_holder_role: str = ""


def parse_rule_table(table: str) -> Iterator[tuple[PermissionVerb, Scope]]:
    """Parse `view:RC edit:O` into pairs of verb and scope. ValueError for an unknown verb or letter."""
    for entry in table.split():
        verb, _, letters = entry.partition(":")
        for letter in letters:
            if letter not in SCOPE_LETTERS:
                raise ValueError(f"{letter!r} is not a scope; use one of {', '.join(SCOPE_LETTERS)}.")
            yield PermissionVerb(verb), SCOPE_LETTERS[letter]
