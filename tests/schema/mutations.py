"""Every mutation with a caller who is allowed, and the callers and inputs for which it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.schema.api import Api

Variables = Mapping[str, Any]
MakeVariables = Callable[[Api], Variables]

UNAUTHENTICATED, FORBIDDEN, NOT_FOUND = "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"
BAD_INPUT, CONFLICT = "BAD_USER_INPUT", "CONFLICT"
NUL = "a\0b"
TOO_LONG = "x" * 5000


@dataclass(frozen=True)
class Case:
    """A mutation. `refused` lists callers, variables and the expected error codes."""

    query: str
    allowed: str
    variables: MakeVariables
    refused: tuple[tuple[str | None, Variables, str], ...]


def _nothing(_: Api) -> Variables:
    return {}


def _organization_member(api: Api) -> Variables:
    return {"id": api.id("Organization", api.people.lab), "username": "stranger"}


def _session(api: Api) -> Variables:
    return {"id": api.id("Session", api.people.session)}


def _launch(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.people.workstation)}


def _keep_alive(api: Api) -> Variables:
    return {**_session(api), "seconds": api.people.settings.session_seconds * 2}


def environment(**values: str) -> dict[str, Any]:
    return {"environment": [{"name": name, "value": value} for name, value in values.items()]}


NO_ID = {"id": "no id at all"}
HUGE_ID = {"id": "V29ya3N0YXRpb246OTIyMzM3MjAzNjg1NDc3NTgwNw"}
"""The ID of a workstation with a key larger than any column allows."""

CASES: dict[str, Case] = {
    "tokenCreate": Case(
        """mutation($name: String! = "mine", $seconds: Int, $scopes: [String!]) {
          tokenCreate(input: {name: $name, lifetimeSeconds: $seconds, scopes: $scopes}) {
            token { id name scopes expiresAt } text errors { code path message }
          }
        }""",
        "stranger",
        _nothing,
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("stranger", {"name": " "}, BAD_INPUT),
            ("stranger", {"name": TOO_LONG}, BAD_INPUT),
            ("stranger", {"name": NUL}, BAD_INPUT),
            ("stranger", {"seconds": 0}, BAD_INPUT),
            ("stranger", {"seconds": -5}, BAD_INPUT),
            ("stranger", {"scopes": ["everything"]}, BAD_INPUT),
            ("stranger", {"scopes": ["session:view:global"]}, BAD_INPUT),
        ),
    ),
    "tokenRevoke": Case(
        "mutation($id: ID!) { tokenRevoke(id: $id) { token { id revokedAt } errors { code path message } } }",
        "editor",
        lambda api: {"id": api.id("Token", api.people.token_row)},
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("editor", NO_ID, NOT_FOUND),
            ("editor", HUGE_ID, NOT_FOUND),
        ),
    ),
    "userCreate": Case(
        """mutation($name: String! = "newcomer", $password: String! = "correct horse", $role: String! = "builder") {
          userCreate(input: {username: $name, password: $password, role: $role}) {
            user { id username } errors { code path message }
          }
        }""",
        "operator",
        _nothing,
        (
            (None, {}, UNAUTHENTICATED),
            ("owner", {}, FORBIDDEN),
            ("container", {}, FORBIDDEN),
            ("operator", {"name": "guest"}, BAD_INPUT),
            ("operator", {"name": NUL}, BAD_INPUT),
            ("operator", {"name": "a b c"}, BAD_INPUT),
            ("operator", {"password": "short"}, BAD_INPUT),
            ("operator", {"role": "emperor"}, BAD_INPUT),
        ),
    ),
    "organizationCreate": Case(
        """mutation($name: String! = "Institute") {
          organizationCreate(name: $name) { organization { id slug } errors { code path message } }
        }""",
        "operator",
        _nothing,
        (
            (None, {}, UNAUTHENTICATED),
            ("owner", {}, FORBIDDEN),
            ("container", {}, FORBIDDEN),
            ("operator", {"name": "The Lab"}, BAD_INPUT),
            ("operator", {"name": " ! "}, BAD_INPUT),
            ("operator", {"name": TOO_LONG}, BAD_INPUT),
            ("operator", {"name": NUL}, BAD_INPUT),
        ),
    ),
    "organizationMemberAdd": Case(
        """mutation($id: ID!, $username: String!, $role: MemberRole! = ADMIN) {
          organizationMemberAdd(id: $id, username: $username, role: $role) {
            organization { members { nodes { role } } } errors { code path message }
          }
        }""",
        "admin",
        _organization_member,
        (
            (None, {}, UNAUTHENTICATED),
            ("member", {}, FORBIDDEN),
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("admin", NO_ID, NOT_FOUND),
            ("admin", {"username": "nobody"}, BAD_INPUT),
            ("admin", {"username": NUL}, BAD_INPUT),
            ("admin", {"username": TOO_LONG}, BAD_INPUT),
        ),
    ),
    "organizationMemberRemove": Case(
        """mutation($id: ID!, $username: String!) {
          organizationMemberRemove(id: $id, username: $username) {
            organization { id } errors { code path message }
          }
        }""",
        "operator",
        _organization_member,
        (
            (None, {}, UNAUTHENTICATED),
            ("member", {}, FORBIDDEN),
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("admin", {"username": "nobody"}, BAD_INPUT),
        ),
    ),
    "uploadCreate": Case(
        """mutation($name: String! = "a.tar") {
          uploadCreate(filename: $name) { upload { id filename state } url errors { code path message } }
        }""",
        "stranger",
        _nothing,
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("stranger", {"name": ""}, BAD_INPUT),
            ("stranger", {"name": "folder/"}, BAD_INPUT),
            ("stranger", {"name": "x" * 256}, BAD_INPUT),
            ("stranger", {"name": NUL}, BAD_INPUT),
        ),
    ),
    "sessionLaunch": Case(
        """mutation($id: ID!, $input: SessionLaunchInput) {
          sessionLaunch(workstationId: $id, input: $input) {
            isNew session { id state queuePosition image { id } region { name } } errors { code path message }
          }
        }""",
        "editor",
        _launch,
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("guest", NO_ID, NOT_FOUND),
            ("guest", {"input": {"pings": [{"region": "elsewhere", "milliseconds": 1}]}}, BAD_INPUT),
            ("guest", {"input": {"pings": [{"region": "local", "milliseconds": -1}]}}, BAD_INPUT),
            ("guest", {"input": {"pings": [{"region": "local", "milliseconds": 60_001}]}}, BAD_INPUT),
            ("guest", {"input": {"pings": [{"region": str(n), "milliseconds": 1} for n in range(65)]}}, BAD_INPUT),
            ("guest", {"input": {"seconds": 5}}, BAD_INPUT),
            ("guest", {"input": {"seconds": 10**6}}, BAD_INPUT),
            ("guest", {"input": {"region": "elsewhere"}}, BAD_INPUT),
            ("guest", {"input": {"region": NUL}}, BAD_INPUT),
            ("guest", {"input": {"imageId": "no id"}}, NOT_FOUND),
            ("guest", {"input": environment(CARREL_TOKEN="x")}, BAD_INPUT),
            ("guest", {"input": environment(**{"A\n": "x"})}, BAD_INPUT),
            ("guest", {"input": environment(A=NUL)}, BAD_INPUT),
        ),
    ),
    "sessionsStop": Case(
        """mutation($ids: [ID!]!) {
          sessionsStop(ids: $ids) { results { id session { id state } errors { code } } errors { code path message } }
        }""",
        "operator",
        lambda api: {"ids": [_session(api)["id"]]},
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("guest", {"ids": []}, BAD_INPUT),
            ("guest", {"ids": [str(number) for number in range(101)]}, BAD_INPUT),
        ),
    ),
    "sessionStop": Case(
        "mutation($id: ID!) { sessionStop(id: $id) { session { id state } errors { code path message } } }",
        "operator",
        _session,
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", {}, NOT_FOUND),
            ("guest", NO_ID, NOT_FOUND),
            ("guest", HUGE_ID, NOT_FOUND),
        ),
    ),
    "sessionKeepAlive": Case(
        """mutation($id: ID!, $seconds: Int!) {
          sessionKeepAlive(id: $id, seconds: $seconds) {
            session { expiresAt maximumSeconds } errors { code path message }
          }
        }""",
        "container",
        _keep_alive,
        (
            (None, {}, UNAUTHENTICATED),
            ("operator", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", {}, NOT_FOUND),
            ("guest", NO_ID, NOT_FOUND),
            ("guest", HUGE_ID, NOT_FOUND),
            ("guest", {"seconds": 0}, BAD_INPUT),
            ("guest", {"seconds": 86_401}, BAD_INPUT),
        ),
    ),
    "sessionOpen": Case(
        "mutation($id: ID!) { sessionOpen(id: $id) { session { id } url errors { code path message } } }",
        "guest",
        _session,
        (
            (None, {}, UNAUTHENTICATED),
            ("container", {}, FORBIDDEN),
            ("operator", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
        ),
    ),
}
