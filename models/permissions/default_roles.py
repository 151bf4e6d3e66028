"""The default roles, built from `models.permissions.tables`. Every migration writes them to the database."""

from collections.abc import Mapping

from models.permissions.enums import parse_rule_table
from models.permissions.rules import RULES, Rule
from models.permissions.tables import RESOURCE_PERMISSIONS

INHERITED: Mapping[str, tuple[str, ...]] = {
    "builder": ("researcher",),
    "federation_researcher": ("viewer",),
    "organization_admin": ("viewer",),
    "collaboration_admin": ("organization_admin", "federation_researcher"),
}
"""The default roles whose rules a role includes."""


def rules_for_role(role: str) -> frozenset[Rule]:
    """Return the rules of a default role, including the inherited ones."""
    own = frozenset(
        Rule(resource, verb, scope)
        for resource, table in RESOURCE_PERMISSIONS.items()
        for verb, scope in parse_rule_table(table.roles.get(role, ""))
    )
    return own.union(*(rules_for_role(each) for each in INHERITED.get(role, ())))


RESEARCHER = rules_for_role("researcher")
BUILDER = rules_for_role("builder")
OPERATOR = frozenset(RULES.values())
SESSION = rules_for_role("session")
"""The most that a session token can do. It is not a role that users can have."""

DEFAULT_ROLES: dict[str, tuple[str, frozenset[Rule]]] = {
    "researcher": ("Launches workstations that are shared with them.", RESEARCHER),
    "builder": ("A researcher who also creates workstations and uploads images.", BUILDER),
    "operator": ("Runs the installation: every operation on every resource.", OPERATOR),
    "root": ("Runs the federation: every rule of it.", rules_for_role("root")),
    "viewer": ("Sees the organization's part in the federation.", rules_for_role("viewer")),
    "federation_researcher": ("A viewer who also creates tasks.", rules_for_role("federation_researcher")),
    "organization_admin": (
        "A viewer who manages the users, roles and nodes of their organization.",
        rules_for_role("organization_admin"),
    ),
    "collaboration_admin": ("Manages the collaborations of their organization.", rules_for_role("collaboration_admin")),
    "node": ("The agent of an organization.", rules_for_role("node")),
    "container": ("The container of a run.", rules_for_role("container")),
}
