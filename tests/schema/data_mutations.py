"""Every mutation of data sessions with somebody who may, and with everybody and everything for which it is refused."""

from typing import Any

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


def _session(api: Api) -> Variables:
    return {"id": api.id("Datasession", api.cast.datasession)}


def _shared(api: Api) -> Variables:
    return {**_session(api), "username": "stranger"}


def _with_lab(api: Api) -> Variables:
    return {**_session(api), "organization": api.id("Organization", api.cast.lab)}


def _brought(api: Api) -> Variables:
    return {**_session(api), "data": [{"source": "upload", "basename": api.id("Upload", api.cast.upload)}]}


def _there(api: Api) -> Variables:
    return {**_session(api), "data": api.cast.datasession.input_data}


def _operation(api: Api) -> Variables:
    return {"id": api.id("DataOperation", api.cast.operation)}


def _done(api: Api) -> Variables:
    return {"id": api.id("DataOperation", api.cast.done)}


def _many(api: Api) -> Variables:
    return {"ids": [_operation(api)["id"]]}


def _result(api: Api) -> Variables:
    return {"id": api.id("Result", api.cast.result)}


def _computed(api: Api) -> Variables:
    names = [f"{each['id']}-0" for each in (_operation(api), _done(api))]
    return {**_session(api), "inputs": {"input_files": [output(name) for name in names]}}


def output(basename: str) -> dict[str, Any]:
    return {"source": "datasession", "basename": basename}


def files(*items: object) -> dict[str, Any]:
    return {"data": list(items)}


def inputs(*items: object, **more: object) -> dict[str, Any]:
    return {"inputs": {"input_files": list(items), **more}}


NOBODY = ((None, {}, UNAUTHENTICATED), ("desk", {}, FORBIDDEN), ("stranger", {}, NOT_FOUND))
STORED = {"source": "storage", "basename": "s3://bucket/a.fits"}
BAD_FILES: tuple[object, ...] = (
    {"source": "moon", "basename": "a"},
    {"source": "archive", "basename": "a"},
    {"source": "upload", "basename": "no id"},
    {"source": "datasession", "basename": "no id"},
    STORED,
    {"source": "upload", "basename": NUL},
    {"source": "upload", "basename": MANY},
    {"source": ["upload"], "basename": {}},
    {"basename": "a"},
    "a.fits",
)
DATA_CASES: dict[str, Case] = {
    "datasessionCreate": Case(
        """mutation($name: String! = "M13", $data: JSON, $organization: ID) {
          datasessionCreate(input: {name: $name, inputData: $data, organizationId: $organization}) {
            datasession { id name inputData version canEdit } errors { code path message }
          }
        }""",
        "stranger",
        lambda _: {},
        (
            (None, {}, UNAUTHENTICATED),
            ("desk", {}, FORBIDDEN),
            ("stranger", {"name": " "}, BAD),
            ("stranger", {"name": "x" * 257}, BAD),
            ("stranger", {"name": NUL}, BAD),
            ("stranger", {"data": {"a": 1}}, BAD),
            ("stranger", {"organization": "no id"}, NOT_FOUND),
            *(("stranger", files(item), BAD) for item in BAD_FILES),
            ("stranger", files({"source": "upload", "basename": "x", "evil": 1}), BAD),
            ("stranger", files({"source": "upload", "basename": "x", "type": "exe"}), BAD),
        ),
    ),
    "datasessionUpdate": Case(
        """mutation($id: ID!, $name: String! = "M92", $version: Int) {
          datasessionUpdate(id: $id, name: $name, expectedVersion: $version) {
            datasession { name version } errors { code path message }
          }
        }""",
        "editor",
        _session,
        (
            *NOBODY,
            ("guest", {}, FORBIDDEN),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"name": NUL}, BAD),
            ("owner", {"version": 99}, CONFLICT),
        ),
    ),
    "datasessionInputAdd": Case(
        """mutation($id: ID!, $data: JSON!) {
          datasessionInputAdd(id: $id, inputData: $data) { datasession { inputData } errors { code path message } }
        }""",
        "owner",
        _brought,
        (
            *NOBODY,
            ("guest", {}, FORBIDDEN),
            ("editor", {}, BAD),
            ("owner", {"data": "a"}, BAD),
            *(("owner", files(item), BAD) for item in BAD_FILES),
        ),
    ),
    "datasessionInputRemove": Case(
        """mutation($id: ID!, $data: JSON!, $version: Int) {
          datasessionInputRemove(id: $id, inputData: $data, expectedVersion: $version) {
            datasession { inputData } errors { code path message }
          }
        }""",
        "editor",
        _there,
        (
            *NOBODY,
            ("guest", {}, FORBIDDEN),
            ("owner", files(), BAD),
            ("owner", files(STORED), BAD),
            ("owner", files(1), BAD),
            ("owner", {"version": 99}, CONFLICT),
        ),
    ),
    "datasessionDelete": Case(
        "mutation($id: ID!) { datasessionDelete(id: $id) { deletedId errors { code path message } } }",
        "owner",
        _session,
        (*NOBODY, ("guest", {}, FORBIDDEN), ("editor", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "datasessionUserAdd": Case(
        """mutation($id: ID!, $username: String!, $role: ObjectRole! = DATASESSION_EDITOR) {
          datasessionUserAdd(id: $id, username: $username, role: $role) {
            datasession { id } errors { code path message }
          }
        }""",
        "editor",
        _shared,
        (
            *NOBODY,
            ("guest", {}, FORBIDDEN),
            ("owner", {"username": "nobody"}, BAD),
            ("owner", {"role": "WORKSTATION_USER"}, BAD),
        ),
    ),
    "datasessionUserRemove": Case(
        """mutation($id: ID!, $username: String!) {
          datasessionUserRemove(id: $id, username: $username) { datasession { id } errors { code path message } }
        }""",
        "owner",
        _shared,
        (*NOBODY, ("guest", {}, FORBIDDEN), ("owner", {"username": NUL}, BAD)),
    ),
    "datasessionOrganizationAdd": Case(
        """mutation($id: ID!, $organization: ID!) {
          datasessionOrganizationAdd(id: $id, organizationId: $organization) {
            datasession { id } errors { code path message }
          }
        }""",
        "operator",
        _with_lab,
        (*NOBODY, ("guest", {}, FORBIDDEN), ("owner", {}, NOT_FOUND)),
    ),
    "datasessionOrganizationRemove": Case(
        """mutation($id: ID!, $organization: ID!) {
          datasessionOrganizationRemove(id: $id, organizationId: $organization) {
            datasession { id } errors { code path message }
          }
        }""",
        "owner",
        _with_lab,
        (*NOBODY, ("guest", {}, FORBIDDEN)),
    ),
    "operationCreate": Case(
        """mutation($id: ID!, $name: String! = "Median", $inputs: JSON!) {
          operationCreate(datasessionId: $id, input: {name: $name, inputs: $inputs}) {
            operation { id name state inputs needs { id } } errors { code path message }
          }
        }""",
        "editor",
        _computed,
        (
            *NOBODY,
            ("guest", {}, FORBIDDEN),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"name": "Magic"}, BAD),
            ("owner", {"name": NUL}, BAD),
            ("owner", {"inputs": []}, BAD),
            ("owner", {"inputs": {"unknown": 1}}, BAD),
            ("owner", inputs(), BAD),
            ("owner", inputs(output("no id"), output("none")), BAD),
            *(("owner", inputs(item), BAD) for item in BAD_FILES),
        ),
    ),
    "operationCancel": Case(
        "mutation($id: ID!) { operationCancel(id: $id) { operation { state } errors { code path message } } }",
        "editor",
        _operation,
        (*NOBODY, ("guest", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "operationRerun": Case(
        "mutation($id: ID!) { operationRerun(id: $id) { operation { state } errors { code path message } } }",
        "editor",
        _done,
        (*NOBODY, ("guest", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "operationDelete": Case(
        "mutation($id: ID!) { operationDelete(id: $id) { deletedId errors { code path message } } }",
        "editor",
        _operation,
        (*NOBODY, ("guest", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "operationsCancel": Case(
        """mutation($ids: [ID!]!) { operationsCancel(ids: $ids) {
          results { id operation { state } errors { code } } errors { code path message }
        } }""",
        "owner",
        _many,
        ((None, {}, UNAUTHENTICATED), ("desk", {}, FORBIDDEN), ("owner", {"ids": []}, BAD)),
    ),
    "operationsDelete": Case(
        """mutation($ids: [ID!]!) { operationsDelete(ids: $ids) {
          results { id operation { state } errors { code } } errors { code path message }
        } }""",
        "owner",
        _many,
        ((None, {}, UNAUTHENTICATED), ("desk", {}, FORBIDDEN), ("owner", {"ids": []}, BAD)),
    ),
    "resultOpen": Case(
        """mutation($id: ID!, $names: [String!]) {
          resultOpen(id: $id, names: $names) { links { name url expiresAt } errors { code path message } }
        }""",
        "desk",
        _result,
        (
            (None, {}, UNAUTHENTICATED),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"names": ["b.fits"]}, BAD),
        ),
    ),
    "archiveTokenSet": Case(
        """mutation($token: String! = "secret of the sky", $seconds: Int! = 3600) {
          archiveTokenSet(token: $token, seconds: $seconds) { keptUntil errors { code path message } }
        }""",
        "stranger",
        lambda _: {},
        (
            (None, {}, UNAUTHENTICATED),
            ("desk", {}, FORBIDDEN),
            ("stranger", {"token": " "}, BAD),
            ("stranger", {"token": MANY}, BAD),
            ("stranger", {"token": "a\r\nHost: evil"}, BAD),
            ("stranger", {"seconds": 1}, BAD),
            ("stranger", {"seconds": 10**9}, BAD),
        ),
    ),
    "archiveTokenRemove": Case(
        "mutation { archiveTokenRemove { isKept errors { code path message } } }",
        "stranger",
        lambda _: {},
        ((None, {}, UNAUTHENTICATED), ("desk", {}, FORBIDDEN)),
    ),
}
