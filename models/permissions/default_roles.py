"""The default roles: seven of the federation, three of the house, each made of what the tables of the nouns say."""

from collections.abc import Mapping

from models.permissions.enums import reaches
from models.permissions.rules import RULES, Rule
from models.permissions.tables import NOUNS

INHERITED: Mapping[str, tuple[str, ...]] = {
    "builder": ("researcher",),
    "federation_researcher": ("viewer",),
    "organization_admin": ("viewer",),
    "collaboration_admin": ("organization_admin", "federation_researcher"),
}
"""Whose rules a role holds beside its own."""


def rules_of(role: str) -> frozenset[Rule]:
    """Return what the tables give to a default role, and what it inherits."""
    own = frozenset(
        Rule(resource, operation, scope)
        for resource, noun in NOUNS.items()
        for operation, scope in reaches(noun.roles.get(role, ""))
    )
    return own.union(*(rules_of(each) for each in INHERITED.get(role, ())))


RESEARCHER = rules_of("researcher")
BUILDER = rules_of("builder")
OPERATOR = frozenset(RULES.values())
DESK = rules_of("desk")
"""What the container of a session may do at most; no role, nobody is given it."""

DEFAULT_ROLES: dict[str, tuple[str, frozenset[Rule]]] = {
    "researcher": ("Launches workstations that are shared with them.", RESEARCHER),
    "builder": ("A researcher who also makes workstations and uploads images.", BUILDER),
    "operator": ("Runs the installation: every operation on every resource.", OPERATOR),
    "root": ("Runs the federation: every rule of it.", rules_of("root")),
    "viewer": ("Sees the organization's part in the federation.", rules_of("viewer")),
    "federation_researcher": ("A viewer who also sends tasks.", rules_of("federation_researcher")),
    "organization_admin": (
        "A viewer who manages their organization's people, roles and nodes.",
        rules_of("organization_admin"),
    ),
    "collaboration_admin": ("Manages the collaborations of their organization.", rules_of("collaboration_admin")),
    "node": ("What an organization's agent may do.", rules_of("node")),
    "container": ("What the container of a run may do.", rules_of("container")),
}
