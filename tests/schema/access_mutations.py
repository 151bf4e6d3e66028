"""Cases of the mutations of roles, rules, grants and members; see tests/schema/mutations.py."""

from tests.schema.api import Api
from tests.schema.mutations import (
    BAD_INPUT,
    CONFLICT,
    FORBIDDEN,
    NO_ID,
    NOT_FOUND,
    NUL,
    TOO_LONG,
    UNAUTHENTICATED,
    Case,
    Variables,
)

REFUSED_ALWAYS = ((None, {}, UNAUTHENTICATED), ("container", {}, FORBIDDEN))


def _user(api: Api) -> Variables:
    return {"id": api.id("User", api.people.users["stranger"]), "rule": "session:view:global"}


def _user_and_role(api: Api) -> Variables:
    return {"id": api.id("User", api.people.users["stranger"]), "role": api.id("Role", api.people.roles["builder"])}


def _custom(api: Api) -> Variables:
    return {"id": api.id("Role", api.people.roles["custom"])}


def _organization_grant(api: Api) -> Variables:
    return {
        "id": api.id("Workstation", api.people.workstation),
        "organization": api.id("Organization", api.people.lab),
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
    ("operator", {"rule": "everything"}, BAD_INPUT),
    ("operator", {"rule": "session:create:global"}, BAD_INPUT),
    ("operator", {"rule": NUL}, BAD_INPUT),
    ("operator", {"rule": TOO_LONG}, BAD_INPUT),
)
_ROLES_REFUSED = (
    *REFUSED_ALWAYS,
    ("owner", {}, NOT_FOUND),
    ("operator", NO_ID, NOT_FOUND),
    ("operator", {"role": "no id at all"}, NOT_FOUND),
)

_MANY = "results { username errors { code } }"


def _member_names(api: Api) -> Variables:
    return {"id": api.id("Organization", api.people.lab), "names": ["stranger", "guest"]}


def _sharer_names(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.people.workstation), "names": ["stranger", "member"]}


def _collaboration(api: Api) -> Variables:
    return {
        "id": api.id("Collaboration", api.people.collaboration),
        "organization": api.id("Organization", api.people.lab),
    }


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
            ("owner", {"ids": []}, BAD_INPUT),
            ("owner", {"ids": [str(number) for number in range(101)]}, BAD_INPUT),
        ),
    ),
    "organizationMembersAdd": Case(
        _change("organizationMembersAdd", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "admin",
        _member_names,
        (
            *REFUSED_ALWAYS,
            ("member", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("admin", NO_ID, NOT_FOUND),
            *(("admin", names, BAD_INPUT) for names in _NAMES_REFUSED),
        ),
    ),
    "organizationMembersRemove": Case(
        _change("organizationMembersRemove", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "admin",
        _member_names,
        (
            *REFUSED_ALWAYS,
            ("member", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            *(("admin", names, BAD_INPUT) for names in _NAMES_REFUSED),
        ),
    ),
    "workstationUsersAdd": Case(
        _change("workstationUsersAdd", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "owner",
        _sharer_names,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            *(("owner", names, BAD_INPUT) for names in _NAMES_REFUSED),
        ),
    ),
    "workstationUsersRemove": Case(
        _change("workstationUsersRemove", "$id: ID!, $names: [String!]!", "id: $id, usernames: $names", _MANY),
        "owner",
        _sharer_names,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            *(("owner", names, BAD_INPUT) for names in _NAMES_REFUSED),
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
        lambda api: {"organizations": [api.id("Organization", api.people.lab)]},
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", {"organizations": []}, BAD_INPUT),
            ("operator", {"organizations": ["no id at all"]}, NOT_FOUND),
            ("operator", {"name": "Together"}, BAD_INPUT),
            ("operator", {"name": " "}, BAD_INPUT),
            ("operator", {"name": TOO_LONG}, BAD_INPUT),
            ("operator", {"name": NUL}, BAD_INPUT),
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
        lambda api: {"id": _collaboration(api)["id"]},
        (
            *REFUSED_ALWAYS,
            ("owner", {}, FORBIDDEN),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"name": NUL}, BAD_INPUT),
            ("operator", {"version": 99}, CONFLICT),
        ),
    ),
    "collaborationOrganizationAdd": Case(
        _change("collaborationOrganizationAdd", *_TOGETHER), "operator", _collaboration, _TOGETHER_REFUSED
    ),
    "collaborationOrganizationRemove": Case(
        _change("collaborationOrganizationRemove", *_TOGETHER), "operator", _collaboration, _TOGETHER_REFUSED
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
            ("operator", {"name": " "}, BAD_INPUT),
            ("operator", {"name": "Researcher"}, BAD_INPUT),
            ("operator", {"name": TOO_LONG}, BAD_INPUT),
            ("operator", {"name": NUL}, BAD_INPUT),
            ("operator", {"description": NUL}, BAD_INPUT),
            ("operator", {"rules": ["session:fly:own"]}, BAD_INPUT),
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
            ("operator", {"name": NUL}, BAD_INPUT),
            ("operator", {"rules": ["x"]}, BAD_INPUT),
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
        _organization_grant,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", {}, NOT_FOUND),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"organization": "no id at all"}, NOT_FOUND),
            ("operator", {"role": "STUDY_ADMIN"}, BAD_INPUT),
        ),
    ),
    "workstationOrganizationRemove": Case(
        _change("workstationOrganizationRemove", *_GROUP),
        "operator",
        _organization_grant,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("operator", NO_ID, NOT_FOUND),
            ("operator", {"role": "STUDY_ADMIN"}, BAD_INPUT),
        ),
    ),
}
