"""The mutations of roles, rules and grants, as tests/schema/mutations.py has the others."""

from tests.schema.api import Api
from tests.schema.mutations import (
    BAD,
    CONFLICT,
    FORBIDDEN,
    MANY,
    NO_ID,
    NOT_FOUND,
    NUL,
    UNAUTHENTICATED,
    Case,
    Variables,
)

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

_MANY = "results { username errors { code } }"


def _people(api: Api) -> Variables:
    return {"id": api.id("Organization", api.cast.lab), "names": ["stranger", "guest"]}


def _sharers(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.cast.workstation), "names": ["stranger", "member"]}


def _together(api: Api) -> Variables:
    return {"id": api.id("Collaboration", api.cast.collaboration), "organization": api.id("Organization", api.cast.lab)}


_NAMES_REFUSED = (
    {"names": []},
    {"names": [str(number) for number in range(101)]},
)
_TOGETHER = "$id: ID!, $organization: ID!", "id: $id, organizationId: $organization", "collaboration { id version }"
_TOGETHER_REFUSED = (
    *REFUSED_ALWAYS,
    ("owner", {}, FORBIDDEN),
    ("operator", NO_ID, NOT_FOUND),
    ("operator", {"organization": "no id at all"}, NOT_FOUND),
)

ACCESS: dict[str, Case] = {
    "tokensRevoke": Case(
        _change("tokensRevoke", "$ids: [ID!]!", "ids: $ids", "results { id errors { code } }"),
        "owner",
        lambda _: {"ids": ["no id at all"]},
        (
            *REFUSED_ALWAYS,
            ("owner", {"ids": []}, BAD),
            ("owner", {"ids": [str(number) for number in range(101)]}, BAD),
        ),
    ),
    "organizationMembersAdd": Case(
        _change("organizationMembersAdd", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "admin",
        _people,
        (
            *REFUSED_ALWAYS,
            ("member", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("admin", NO_ID, NOT_FOUND),
            *(("admin", names, BAD) for names in _NAMES_REFUSED),
        ),
    ),
    "organizationMembersRemove": Case(
        _change("organizationMembersRemove", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "admin",
        _people,
        (
            *REFUSED_ALWAYS,
            ("member", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            *(("admin", names, BAD) for names in _NAMES_REFUSED),
        ),
    ),
    "workstationUsersAdd": Case(
        _change("workstationUsersAdd", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "owner",
        _sharers,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            *(("owner", names, BAD) for names in _NAMES_REFUSED),
        ),
    ),
    "workstationUsersRemove": Case(
        _change("workstationUsersRemove", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "owner",
        _sharers,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            *(("owner", names, BAD) for names in _NAMES_REFUSED),
        ),
    ),
    "collaborationCreate": Case(
        _change(
            "collaborationCreate",
            '$name: String! = "New", $organizations: [ID!]!',
            "input: {name: $name, organizationIds: $organizations}",
            "collaboration { id name isEncrypted participants { nodes { organization { name } } } }",
        ),
        "operator",
        lambda api: {"organizations": [api.id("Organization", api.cast.lab)]},
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", {"organizations": []}, BAD),
            ("operator", {"organizations": ["no id at all"]}, NOT_FOUND),
            ("operator", {"name": "Together"}, BAD),
            ("operator", {"name": " "}, BAD),
            ("operator", {"name": MANY}, BAD),
            ("operator", {"name": NUL}, BAD),
        ),
    ),
    "collaborationUpdate": Case(
        _change(
            "collaborationUpdate",
            '$id: ID!, $name: String! = "Renamed", $version: Int',
            "id: $id, input: {name: $name}, expectedVersion: $version",
            "collaboration { name version }",
        ),
        "operator",
        lambda api: {"id": _together(api)["id"]},
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"name": NUL}, BAD),
            ("operator", {"version": 99}, CONFLICT),
        ),
    ),
    "collaborationOrganizationAdd": Case(
        _change("collaborationOrganizationAdd", *_TOGETHER), "operator", _together, _TOGETHER_REFUSED
    ),
    "collaborationOrganizationRemove": Case(
        _change("collaborationOrganizationRemove", *_TOGETHER), "operator", _together, _TOGETHER_REFUSED
    ),
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
            '$id: ID!, $name: String! = "renamed", $rules: [String!] = [], $version: Int',
            "id: $id, input: {name: $name, rules: $rules}, expectedVersion: $version",
            "role { name rules version }",
        ),
        "operator",
        _custom,
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"name": NUL}, BAD),
            ("operator", {"rules": ["x"]}, BAD),
            ("operator", {"version": 99}, CONFLICT),
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
