"""The mutations of roles, rules and grants, as tests/schema/mutations.py has the others."""

from tests.schema.api import Api
from tests.schema.mutations import BAD, FORBIDDEN, MANY, NO_ID, NOT_FOUND, NUL, UNAUTHENTICATED, Case, Variables

REFUSED_ALWAYS = ((None, {}, UNAUTHENTICATED), ("desk", {}, FORBIDDEN))


def _user(api: Api) -> Variables:
    return {"id": api.id("User", api.cast.users["stranger"]), "rule": "session:view:global"}


def _user_and_role(api: Api) -> Variables:
    return {"id": api.id("User", api.cast.users["stranger"]), "role": api.id("Role", api.cast.roles["builder"])}


def _custom(api: Api) -> Variables:
    return {"id": api.id("Role", api.cast.roles["custom"])}


def _lab(api: Api) -> Variables:
    return {
        "id": api.id("Workstation", api.cast.workstation),
        "organization": api.id("Organization", api.cast.lab),
    }


def _change(name: str, arguments: str, call: str, answer: str) -> str:
    return f"mutation({arguments}) {{ {name}({call}) {{ {answer} errors {{ code path message }} }} }}"


_RULE = "$id: ID!, $rule: String!", "id: $id, rule: $rule", "user { id roles { name } rules }"
_ROLE = "$id: ID!, $role: ID!", "id: $id, roleId: $role", "user { id roles { name } rules }"
_GROUP = (
    "$id: ID!, $organization: ID!, $role: ObjectRole! = WORKSTATION_USER",
    "id: $id, organizationId: $organization, role: $role",
    "workstation { id }",
)
_RULES_REFUSED = (
    *REFUSED_ALWAYS,
    ("owner", {}, NOT_FOUND),
    ("operator", NO_ID, NOT_FOUND),
    ("operator", {"rule": "everything"}, BAD),
    ("operator", {"rule": "session:create:global"}, BAD),
    ("operator", {"rule": NUL}, BAD),
    ("operator", {"rule": MANY}, BAD),
)
_ROLES_REFUSED = (
    *REFUSED_ALWAYS,
    ("owner", {}, NOT_FOUND),
    ("operator", NO_ID, NOT_FOUND),
    ("operator", {"role": "no id at all"}, NOT_FOUND),
)

ACCESS: dict[str, Case] = {
    "roleCreate": Case(
        _change(
            "roleCreate",
            '$name: String! = "mine", $rules: [String!]! = ["session:view:global"], $description: String! = ""',
            "input: {name: $name, rules: $rules, description: $description}",
            "role { id name rules isDefault organization { id } }",
        ),
        "operator",
        lambda _: {},
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", {"name": " "}, BAD),
            ("operator", {"name": "Researcher"}, BAD),
            ("operator", {"name": MANY}, BAD),
            ("operator", {"name": NUL}, BAD),
            ("operator", {"description": NUL}, BAD),
            ("operator", {"rules": ["session:fly:own"]}, BAD),
        ),
    ),
    "roleUpdate": Case(
        _change(
            "roleUpdate",
            '$id: ID!, $name: String! = "renamed", $rules: [String!] = []',
            "id: $id, input: {name: $name, rules: $rules}",
            "role { name rules }",
        ),
        "operator",
        _custom,
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"name": NUL}, BAD),
            ("operator", {"rules": ["x"]}, BAD),
        ),
    ),
    "roleDelete": Case(
        _change("roleDelete", "$id: ID!", "id: $id", "deletedId"),
        "operator",
        _custom,
        (*REFUSED_ALWAYS, ("owner", {}, FORBIDDEN), ("operator", NO_ID, NOT_FOUND)),
    ),
    "userRoleAdd": Case(_change("userRoleAdd", *_ROLE), "operator", _user_and_role, _ROLES_REFUSED),
    "userRoleRemove": Case(_change("userRoleRemove", *_ROLE), "operator", _user_and_role, _ROLES_REFUSED),
    "userRuleAdd": Case(_change("userRuleAdd", *_RULE), "operator", _user, _RULES_REFUSED),
    "userRuleRemove": Case(_change("userRuleRemove", *_RULE), "operator", _user, _RULES_REFUSED),
    "workstationOrganizationAdd": Case(
        _change("workstationOrganizationAdd", *_GROUP),
        "operator",
        _lab,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", {}, NOT_FOUND),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"organization": "no id at all"}, NOT_FOUND),
            ("operator", {"role": "STUDY_ADMIN"}, BAD),
        ),
    ),
    "workstationOrganizationRemove": Case(
        _change("workstationOrganizationRemove", *_GROUP),
        "operator",
        _lab,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"role": "STUDY_ADMIN"}, BAD),
        ),
    ),
}
