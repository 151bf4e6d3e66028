"""Every mutation with somebody who may, and with everybody and everything for which it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.schema.api import Api

Variables = Mapping[str, Any]
Given = Callable[[Api], Variables]

UNAUTHENTICATED, FORBIDDEN, NOT_FOUND = "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"
BAD, CONFLICT = "BAD_USER_INPUT", "CONFLICT"
NUL = "a\0b"
MANY = "x" * 5000


@dataclass(frozen=True)
class Case:
    """A mutation; `refused` says for whom, with which other variables, and with which code."""

    query: str
    able: str
    variables: Given
    refused: tuple[tuple[str | None, Variables, str], ...]


def _nothing(_: Api) -> Variables:
    return {}


def _lab(api: Api) -> Variables:
    return {"id": api.id("Organization", api.cast.lab), "username": "stranger"}


def _session(api: Api) -> Variables:
    return {"id": api.id("Session", api.cast.session)}


def _launch(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.cast.workstation)}


def _keep_alive(api: Api) -> Variables:
    return {**_session(api), "seconds": api.cast.settings.session_seconds * 2}


def environment(**values: str) -> dict[str, Any]:
    return {"environment": [{"name": name, "value": value} for name, value in values.items()]}


NO_ID = {"id": "no id at all"}
HUGE_ID = {"id": "V29ya3N0YXRpb246OTIyMzM3MjAzNjg1NDc3NTgwNw"}
"""Of the workstation with the largest number that an id may hold, which no column has."""

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
            ("desk", {}, FORBIDDEN),
            ("stranger", {"name": " "}, BAD),
            ("stranger", {"name": MANY}, BAD),
            ("stranger", {"name": NUL}, BAD),
            ("stranger", {"seconds": 0}, BAD),
            ("stranger", {"seconds": -5}, BAD),
            ("stranger", {"scopes": ["everything"]}, BAD),
            ("stranger", {"scopes": ["session:view:global"]}, BAD),
        ),
    ),
    "tokenRevoke": Case(
        "mutation($id: ID!) { tokenRevoke(id: $id) { token { id revokedAt } errors { code path message } } }",
        "editor",
        lambda api: {"id": api.id("Token", api.cast.token_row)},
        (
            (None, {}, UNAUTHENTICATED),
            ("desk", {}, FORBIDDEN),
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
            ("desk", {}, FORBIDDEN),
            ("operator", {"name": "guest"}, BAD),
            ("operator", {"name": NUL}, BAD),
            ("operator", {"name": "a b c"}, BAD),
            ("operator", {"password": "short"}, BAD),
            ("operator", {"role": "emperor"}, BAD),
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
            ("desk", {}, FORBIDDEN),
            ("operator", {"name": "The Lab"}, BAD),
            ("operator", {"name": " ! "}, BAD),
            ("operator", {"name": MANY}, BAD),
            ("operator", {"name": NUL}, BAD),
        ),
    ),
    "organizationMemberAdd": Case(
        """mutation($id: ID!, $username: String!, $role: MemberRole! = ADMIN) {
          organizationMemberAdd(id: $id, username: $username, role: $role) {
            organization { members { nodes { role } } } errors { code path message }
          }
        }""",
        "admin",
        _lab,
        (
            (None, {}, UNAUTHENTICATED),
            ("member", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("admin", NO_ID, NOT_FOUND),
            ("admin", {"username": "nobody"}, BAD),
            ("admin", {"username": NUL}, BAD),
            ("admin", {"username": MANY}, BAD),
        ),
    ),
    "organizationMemberRemove": Case(
        """mutation($id: ID!, $username: String!) {
          organizationMemberRemove(id: $id, username: $username) {
            organization { id } errors { code path message }
          }
        }""",
        "operator",
        _lab,
        (
            (None, {}, UNAUTHENTICATED),
            ("member", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("admin", {"username": "nobody"}, BAD),
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
            ("desk", {}, FORBIDDEN),
            ("stranger", {"name": ""}, BAD),
            ("stranger", {"name": "folder/"}, BAD),
            ("stranger", {"name": "x" * 256}, BAD),
            ("stranger", {"name": NUL}, BAD),
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
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("guest", NO_ID, NOT_FOUND),
            ("guest", {"input": {"pings": [{"region": "elsewhere", "milliseconds": 1}]}}, BAD),
            ("guest", {"input": {"pings": [{"region": "local", "milliseconds": -1}]}}, BAD),
            ("guest", {"input": {"pings": [{"region": "local", "milliseconds": 60_001}]}}, BAD),
            ("guest", {"input": {"pings": [{"region": str(n), "milliseconds": 1} for n in range(65)]}}, BAD),
            ("guest", {"input": {"seconds": 5}}, BAD),
            ("guest", {"input": {"seconds": 10**6}}, BAD),
            ("guest", {"input": {"region": "elsewhere"}}, BAD),
            ("guest", {"input": {"region": NUL}}, BAD),
            ("guest", {"input": {"imageId": "no id"}}, NOT_FOUND),
            ("guest", {"input": environment(CARREL_TOKEN="x")}, BAD),
            ("guest", {"input": environment(**{"A\n": "x"})}, BAD),
            ("guest", {"input": environment(A=NUL)}, BAD),
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
            ("desk", {}, FORBIDDEN),
            ("guest", {"ids": []}, BAD),
            ("guest", {"ids": [str(number) for number in range(101)]}, BAD),
        ),
    ),
    "sessionStop": Case(
        "mutation($id: ID!) { sessionStop(id: $id) { session { id state } errors { code path message } } }",
        "operator",
        _session,
        (
            (None, {}, UNAUTHENTICATED),
            ("desk", {}, FORBIDDEN),
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
        "desk",
        _keep_alive,
        (
            (None, {}, UNAUTHENTICATED),
            ("operator", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", {}, NOT_FOUND),
            ("guest", NO_ID, NOT_FOUND),
            ("guest", HUGE_ID, NOT_FOUND),
            ("guest", {"seconds": 0}, BAD),
            ("guest", {"seconds": 86_401}, BAD),
        ),
    ),
    "sessionOpen": Case(
        "mutation($id: ID!) { sessionOpen(id: $id) { session { id } url errors { code path message } } }",
        "guest",
        _session,
        (
            (None, {}, UNAUTHENTICATED),
            ("desk", {}, FORBIDDEN),
            ("operator", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
        ),
    ),
}
