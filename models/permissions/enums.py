"""The words that permissions are made of: operations, scopes, and how a noun writes down its own in a table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """What is done to a resource."""

    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    SEND = "send"
    RECEIVE = "receive"


class Scope(StrEnum):
    """How far a rule reaches, from the narrowest to the widest."""

    OWN = "own"
    ORGANIZATION = "organization"
    COLLABORATION = "collaboration"
    GLOBAL = "global"


WIDTH = {scope: width for width, scope in enumerate(Scope)}
LETTERS = {"O": Scope.OWN, "R": Scope.ORGANIZATION, "C": Scope.COLLABORATION, "G": Scope.GLOBAL}
"""How the tables write scopes."""


class MemberRole(StrEnum):
    """What a member is in an organization; what each holds there stands in the tables of the nouns."""

    GUEST = "guest"
    READONLY = "readonly"
    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Noun:
    """All that permissions know of one noun: the closed set of its rules, and who holds which.

    `rules` says which operations there are and with which scopes, as `view:ORCG edit:OG`; nothing else can be granted.
    `roles` says what each default role holds of them, in the same letters.
    `members` says what a member role holds within its organization, as `view edit`.
    `objects` says what an object role allows on its one object, as `study:view study:edit`; only the noun that grants
    are given on has any, and `shared_with` names the permission that lets somebody give them away. `keeper` is the
    object role of which an object always keeps one holder.
    """

    description: str
    rules: str
    roles: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[MemberRole, str] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)
    shared_with: str = ""
    keeper: str = ""


def reaches(table: str) -> Iterator[tuple[Operation, Scope]]:
    """Read `view:RC edit:O` as pairs of operation and scope; ValueError for a letter or a word that is none."""
    for entry in table.split():
        operation, _, letters = entry.partition(":")
        for letter in letters:
            if letter not in LETTERS:
                raise ValueError(f"{letter!r} is no scope; write O, R, C or G.")
            yield Operation(operation), LETTERS[letter]
