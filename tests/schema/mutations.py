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


def _workstation(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.cast.workstation)}


def _lab(api: Api) -> Variables:
    return {"id": api.id("Organization", api.cast.lab), "username": "stranger"}


def _shared(api: Api) -> Variables:
    return {**_workstation(api), "username": "stranger"}


def _session(api: Api) -> Variables:
    return {"id": api.id("Session", api.cast.session)}


def _launch(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.cast.workstation)}


def _image(api: Api) -> Variables:
    return {"id": api.id("Image", api.cast.older)}


def _import(api: Api) -> Variables:
    return {
        "workstation": api.id("Workstation", api.cast.workstation),
        "upload": api.id("Upload", api.cast.upload),
        "port": 8080,
    }


def _keep_alive(api: Api) -> Variables:
    return {**_session(api), "seconds": api.cast.settings.session_seconds * 2}


def _logo(api: Api) -> Variables:
    return {**_workstation(api), "upload": api.id("Upload", api.cast.picture)}


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
    "workstationCreate": Case(
        """mutation($title: String! = "Notebook", $description: String! = "") {
          workstationCreate(input: {title: $title, description: $description}) {
            workstation { id slug canEdit version } errors { code path message }
          }
        }""",
        "owner",
        _nothing,
        (
            (None, {}, UNAUTHENTICATED),
            ("stranger", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("owner", {"title": " "}, BAD),
            ("owner", {"title": "x" * 129}, BAD),
            ("owner", {"title": NUL}, BAD),
            ("owner", {"description": NUL}, BAD),
        ),
    ),
    "workstationUpdate": Case(
        """mutation($id: ID!, $title: String, $version: Int) {
          workstationUpdate(id: $id, input: {title: $title, isPublic: true}, expectedVersion: $version) {
            workstation { title isPublic version } errors { code path message }
          }
        }""",
        "editor",
        _workstation,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", HUGE_ID, NOT_FOUND),
            ("owner", {"title": " "}, BAD),
            ("owner", {"title": "x" * 129}, BAD),
            ("owner", {"title": NUL}, BAD),
            ("owner", {"version": 99}, CONFLICT),
            ("owner", {"version": 2**31 - 1}, CONFLICT),
        ),
    ),
    "workstationLogoSet": Case(
        """mutation($id: ID!, $upload: ID!) {
          workstationLogoSet(id: $id, uploadId: $upload) {
            workstation { version logo { width height url(size: LARGE) } } errors { code path message }
          }
        }""",
        "owner",
        _logo,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("editor", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"upload": "no id"}, NOT_FOUND),
        ),
    ),
    "workstationLogoRemove": Case(
        """mutation($id: ID!) {
          workstationLogoRemove(id: $id) { workstation { title logo { url } } errors { code path message } }
        }""",
        "editor",
        _workstation,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
        ),
    ),
    "workstationUserAdd": Case(
        """mutation($id: ID!, $username: String!) {
          workstationUserAdd(id: $id, username: $username, role: WORKSTATION_EDITOR) {
            workstation { id } errors { code path message }
          }
        }""",
        "owner",
        _shared,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"username": "nobody"}, BAD),
            ("owner", {"username": NUL}, BAD),
        ),
    ),
    "workstationUserRemove": Case(
        """mutation($id: ID!, $username: String!) {
          workstationUserRemove(id: $id, username: $username) { workstation { id } errors { code path message } }
        }""",
        "owner",
        _shared,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", {"username": "nobody"}, BAD),
        ),
    ),
    "imageCreate": Case(
        """mutation($workstation: ID!, $upload: ID!, $port: Int!, $websocket: Int, $path: String! = "",
          $region: String) {
          imageCreate(input: {workstationId: $workstation, uploadId: $upload, httpPort: $port,
            websocketPort: $websocket, initialPath: $path, region: $region}) {
            image { id state httpPort isDesired } errors { code path message }
          }
        }""",
        "owner",
        _import,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, FORBIDDEN),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("editor", {}, NOT_FOUND),
            ("owner", {"workstation": "no id"}, NOT_FOUND),
            ("owner", {"upload": "no id"}, NOT_FOUND),
            ("owner", {"port": 0}, BAD),
            ("owner", {"port": 65_536}, BAD),
            ("owner", {"websocket": -1}, BAD),
            ("owner", {"path": "/absolute"}, BAD),
            ("owner", {"path": "a b"}, BAD),
            ("owner", {"path": "a\r\nX: y"}, BAD),
            ("owner", {"path": "a\n"}, BAD),
            ("owner", {"path": NUL}, BAD),
            ("owner", {"path": "x" * 257}, BAD),
            ("owner", {"region": "elsewhere"}, BAD),
        ),
    ),
    "imageUpdate": Case(
        """mutation($id: ID!, $port: Int = 8080, $websocket: Int, $path: String = "lab", $comment: String = "v2") {
          imageUpdate(id: $id, input: {httpPort: $port, websocketPort: $websocket, initialPath: $path,
            comment: $comment}) { image { httpPort initialPath comment } errors { code path message } }
        }""",
        "editor",
        _image,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, NOT_FOUND),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"port": 0}, BAD),
            ("owner", {"port": 9000}, BAD),
            ("owner", {"websocket": 65_536}, BAD),
            ("owner", {"path": "/absolute"}, BAD),
            ("owner", {"comment": NUL}, BAD),
        ),
    ),
    "imageMove": Case(
        """mutation($id: ID!, $to: ID!) {
          imageMove(id: $id, workstationId: $to) {
            image { isDesired workstation { title } } errors { code path message }
          }
        }""",
        "owner",
        lambda api: {**_image(api), "to": api.id("Workstation", api.cast.annex)},
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, NOT_FOUND),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("editor", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"to": "no id"}, NOT_FOUND),
            ("owner", {"to": HUGE_ID["id"]}, NOT_FOUND),
        ),
    ),
    "imageMakeDesired": Case(
        "mutation($id: ID!) { imageMakeDesired(id: $id) { image { id isDesired } errors { code path message } } }",
        "editor",
        _image,
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, NOT_FOUND),
            ("desk", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
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
