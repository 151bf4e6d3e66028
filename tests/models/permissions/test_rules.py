"""The permission tables agree with the matrices of the reference systems, and the set of rules is closed."""

import pytest

from models.accounts.organizations import MemberRole
from models.accounts.roles import (
    DEFAULT_ROLES,
    OBJECT_ROLE_PERMISSIONS,
    SESSION,
    ObjectRole,
    PermissionVerb,
    Resource,
    Rule,
    Scope,
)
from models.permissions.rules import (
    ALLOWED_SCOPES,
    MEMBER_ROLE_RULES,
    OBJECT_ROLE_RESOURCE,
    RULES,
    Permission,
    parse_known_rules,
    sharing_permission,
)
from models.permissions.tables import RESOURCE_PERMISSIONS, STUDY_PERMISSIONS

FEDERATION = """
user          view RCG   edit ORCG  create RCG  delete ORCG
organization  view RCG   edit RCG   create G    delete G
collaboration view RG    edit CG    create G    delete CG
study         view RCG   edit RCG   create CG   delete RCG
role          view RCG   edit RCG   create RCG  delete RCG
node          view RCG   edit RCG   create RCG  delete RCG
task          view ORCG  create CG  delete ORCG
run           view ORCG
port          view RG
event         send RCG   receive RCG
"""
VIEWER = """user edit O delete O view R; organization view RC; collaboration view R; role view R; node view RC;
task view C; run view C; port view R; event receive RC; study view R"""
ORGANIZATION_ADMIN = """user create R edit R delete R; organization edit R; role create R edit R delete R;
node create R edit R; event send R"""
RESEARCHER = "task create C delete R"
COLLABORATION_ADMIN = """user view C create C edit C; organization view G edit C; collaboration edit C; role view C;
node create C delete C; event send C; study view C create C edit C delete C"""
NODE = """collaboration view R; node view R edit R; organization view RC edit R; port view R; run view C; study view R;
task view C"""
CONTAINER = (
    """collaboration view R; node view R; organization view RC; port view R; run view C; study view R; task view C"""
)
ROLES = {
    "root": (FEDERATION.strip().replace("\n", ";"), 86),
    "viewer": (VIEWER, 15),
    "federation_researcher": (f"{VIEWER}; {RESEARCHER}", 17),
    "organization_admin": (f"{VIEWER}; {ORGANIZATION_ADMIN}", 25),
    "collaboration_admin": (f"{VIEWER}; {ORGANIZATION_ADMIN}; {RESEARCHER}; {COLLABORATION_ADMIN}", 41),
    "node": (NODE, 10),
    "container": (CONTAINER, 8),
}
SCOPES = {"O": "own", "R": "organization", "C": "collaboration", "G": "global"}


def _read(table: str) -> set[str]:
    """Parse a matrix in the notation of the reference. Its study is called federation_study here."""
    rules = set()
    for line in table.split(";"):
        resource, *cells = line.split()
        resource = {"study": "federation_study"}.get(resource, resource)
        for operation, scopes in zip(cells[::2], cells[1::2], strict=True):
            rules |= {f"{resource}:{operation}:{SCOPES[letter]}" for letter in scopes}
    return rules


@pytest.mark.parametrize("name", ROLES)
def test_federation_roles_have_exactly_their_rules(name: str) -> None:
    table, count = ROLES[name]

    assert {str(rule) for rule in DEFAULT_ROLES[name][1]} == _read(table)
    assert len(DEFAULT_ROLES[name][1]) == count


STUDY = """
preview              RD RP CP
design               RD RP CP DP WD
analysis             RD RP CP DP RR
submission_processor RD RP CP DP CS CC EF CT
researcher           RD RP CP DP CS RR CC EF CT
manager              RD RP CP DP WD CS MR
admin                RD RP CP DP WD CS MR RR CC EF CT CL
"""


@pytest.mark.parametrize("line", STUDY.strip().splitlines())
def test_study_roles_have_exactly_their_permissions(line: str) -> None:
    name, *letters = line.split()
    role = ObjectRole(f"study_{name}")

    assert {str(each) for each in OBJECT_ROLE_PERMISSIONS[role]} == {STUDY_PERMISSIONS[letter][0] for letter in letters}
    assert OBJECT_ROLE_RESOURCE[role] is Resource.STUDY


def test_study_permissions_have_codename_and_wider_scopes() -> None:
    assert len({text for text, _ in STUDY_PERMISSIONS.values()}) == len(STUDY_PERMISSIONS) == 13
    for letters, (text, codename) in STUDY_PERMISSIONS.items():
        scopes = ALLOWED_SCOPES[Permission.parse(text)]
        wanted = {Scope.GLOBAL} if letters == "AR" else {Scope.OWN, Scope.ORGANIZATION, Scope.GLOBAL}
        assert scopes == wanted, text
        assert "_study__" in codename


LAB = {
    MemberRole.GUEST: "",
    MemberRole.READONLY: "RD RP",
    MemberRole.MEMBER: "RD RP CP",
    MemberRole.ADMIN: "RD RP CP DP WD CS MR",
}
PEOPLE = {
    MemberRole.GUEST: {"study:create", "organization:view"},
    MemberRole.READONLY: {"organization:view"},
    MemberRole.MEMBER: {"study:create", "organization:view", "membership:view"},
    MemberRole.ADMIN: {"study:create", "organization:view", "organization:edit", "membership:view", "membership:edit"},
}
SEEN = {"datasession:view", "data_operation:view", "result:view"}
WORKED = {"datasession:edit", "data_operation:create", "data_operation:edit", "data_operation:delete"}
DATA = {MemberRole.GUEST: set(), MemberRole.READONLY: SEEN, MemberRole.MEMBER: SEEN, MemberRole.ADMIN: SEEN | WORKED}


@pytest.mark.parametrize("role", MemberRole)
def test_member_roles_have_exactly_their_permissions(role: MemberRole) -> None:
    wanted = {STUDY_PERMISSIONS[letters][0] for letters in LAB[role].split()} | PEOPLE[role] | DATA[role]

    assert {str(rule.permission) for rule in MEMBER_ROLE_RULES[role]} == wanted
    assert {rule.scope for rule in MEMBER_ROLE_RULES[role]} == {Scope.ORGANIZATION}


def test_no_member_role_reads_responses() -> None:
    assert not any(rule.resource is Resource.RESPONSE for rules in MEMBER_ROLE_RULES.values() for rule in rules)


def test_set_of_rules_is_closed() -> None:
    for resource in Resource:
        for operation in PermissionVerb:
            for scope in Scope:
                registered = scope in ALLOWED_SCOPES.get(Permission(resource, operation), ())
                assert registered is (f"{resource}:{operation}:{scope}" in RULES)
                if not registered:
                    with pytest.raises(ValueError, match="There is no rule"):
                        Rule(resource, operation, scope)


@pytest.mark.parametrize(
    "text", ["", "session", "session:view", "session:fly:own", "moon:view:own", "session:view:all"]
)
def test_malformed_rule_is_rejected(text: str) -> None:
    with pytest.raises(ValueError):
        Rule.parse(text)
    assert parse_known_rules([text, "session:view:own"]) == {Rule.parse("session:view:own")}


def test_every_resource_and_object_role_is_declared() -> None:
    assert set(RESOURCE_PERMISSIONS) == set(Resource)
    assert set(OBJECT_ROLE_PERMISSIONS) == set(ObjectRole)
    for role, resource in OBJECT_ROLE_RESOURCE.items():
        permission = sharing_permission(resource)
        assert permission is not None, role
        assert permission in frozenset().union(*OBJECT_ROLE_PERMISSIONS.values())
        for allowed in OBJECT_ROLE_PERMISSIONS[role]:
            assert Scope.OWN in ALLOWED_SCOPES[allowed], "the permissions of a grant have the scope own"


def test_operators_have_all_rules_session_tokens_only_view() -> None:
    assert DEFAULT_ROLES["operator"][1] == frozenset(RULES.values())
    assert {rule.verb for rule in SESSION} == {PermissionVerb.VIEW}
