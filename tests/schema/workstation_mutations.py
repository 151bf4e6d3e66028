"""Cases of the mutations of workstations and images; see tests/schema/mutations.py."""

from tests.schema.api import Api
from tests.schema.mutations import (
    BAD_INPUT,
    CONFLICT,
    FORBIDDEN,
    HUGE_ID,
    NO_ID,
    NOT_FOUND,
    NUL,
    UNAUTHENTICATED,
    Case,
    Variables,
)


def _nothing(_: Api) -> Variables:
    return {}


def _workstation(api: Api) -> Variables:
    return {"id": api.id("Workstation", api.people.workstation)}


def _shared(api: Api) -> Variables:
    return {**_workstation(api), "username": "stranger"}


def _image(api: Api) -> Variables:
    return {"id": api.id("Image", api.people.older)}


def _import(api: Api) -> Variables:
    return {
        "workstation": api.id("Workstation", api.people.workstation),
        "upload": api.id("Upload", api.people.upload),
        "port": 8080,
    }


def _logo(api: Api) -> Variables:
    return {**_workstation(api), "upload": api.id("Upload", api.people.picture)}


WORKSTATION_CASES = {
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
            ("container", {}, FORBIDDEN),
            ("owner", {"title": " "}, BAD_INPUT),
            ("owner", {"title": "x" * 129}, BAD_INPUT),
            ("owner", {"title": NUL}, BAD_INPUT),
            ("owner", {"description": NUL}, BAD_INPUT),
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
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", HUGE_ID, NOT_FOUND),
            ("owner", {"title": " "}, BAD_INPUT),
            ("owner", {"title": "x" * 129}, BAD_INPUT),
            ("owner", {"title": NUL}, BAD_INPUT),
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
            ("container", {}, FORBIDDEN),
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
            ("container", {}, FORBIDDEN),
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
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"username": "nobody"}, BAD_INPUT),
            ("owner", {"username": NUL}, BAD_INPUT),
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
            ("owner", {"username": "nobody"}, BAD_INPUT),
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
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("editor", {}, NOT_FOUND),
            ("owner", {"workstation": "no id"}, NOT_FOUND),
            ("owner", {"upload": "no id"}, NOT_FOUND),
            ("owner", {"port": 0}, BAD_INPUT),
            ("owner", {"port": 65_536}, BAD_INPUT),
            ("owner", {"websocket": -1}, BAD_INPUT),
            ("owner", {"path": "/absolute"}, BAD_INPUT),
            ("owner", {"path": "a b"}, BAD_INPUT),
            ("owner", {"path": "a\r\nX: y"}, BAD_INPUT),
            ("owner", {"path": "a\n"}, BAD_INPUT),
            ("owner", {"path": NUL}, BAD_INPUT),
            ("owner", {"path": "x" * 257}, BAD_INPUT),
            ("owner", {"region": "elsewhere"}, BAD_INPUT),
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
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"port": 0}, BAD_INPUT),
            ("owner", {"port": 9000}, BAD_INPUT),
            ("owner", {"websocket": 65_536}, BAD_INPUT),
            ("owner", {"path": "/absolute"}, BAD_INPUT),
            ("owner", {"comment": NUL}, BAD_INPUT),
        ),
    ),
    "imageMove": Case(
        """mutation($id: ID!, $to: ID!) {
          imageMove(id: $id, workstationId: $to) {
            image { isDesired workstation { title } } errors { code path message }
          }
        }""",
        "owner",
        lambda api: {**_image(api), "to": api.id("Workstation", api.people.annex)},
        (
            (None, {}, UNAUTHENTICATED),
            ("guest", {}, NOT_FOUND),
            ("container", {}, FORBIDDEN),
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
            ("container", {}, FORBIDDEN),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
        ),
    ),
}
