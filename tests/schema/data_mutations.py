"""Cases of the mutations of data sessions; see tests/schema/mutations.py."""

from typing import Any

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


def _session(api: Api) -> Variables:
    return {"id": api.id("Datasession", api.people.datasession)}


def _shared(api: Api) -> Variables:
    return {**_session(api), "username": "stranger"}


def _with_lab(api: Api) -> Variables:
    return {**_session(api), "organization": api.id("Organization", api.people.lab)}


def _uploaded_file(api: Api) -> Variables:
    return {**_session(api), "data": [{"source": "upload", "basename": api.id("Upload", api.people.upload)}]}


def _existing_file(api: Api) -> Variables:
    return {**_session(api), "data": api.people.datasession.input_data}


def _operation(api: Api) -> Variables:
    return {"id": api.id("DataOperation", api.people.operation)}


def _done(api: Api) -> Variables:
    return {"id": api.id("DataOperation", api.people.done)}


def _many(api: Api) -> Variables:
    return {"ids": [_operation(api)["id"]]}


def _result(api: Api) -> Variables:
    return {"id": api.id("Result", api.people.result)}


def _operation_inputs(api: Api) -> Variables:
    names = [f"{each['id']}-0" for each in (_operation(api), _done(api))]
    return {**_session(api), "inputs": {"input_files": [output(name) for name in names]}}


def output(basename: str) -> dict[str, Any]:
    return {"source": "datasession", "basename": basename}


def files(*items: object) -> dict[str, Any]:
    return {"data": list(items)}


def inputs(*items: object, **more: object) -> dict[str, Any]:
    return {"inputs": {"input_files": list(items), **more}}


REFUSED_ALWAYS = ((None, {}, UNAUTHENTICATED), ("container", {}, FORBIDDEN), ("stranger", {}, NOT_FOUND))
STORED = {"source": "storage", "basename": "s3://bucket/a.fits"}
BAD_FILES: tuple[object, ...] = (
    {"source": "moon", "basename": "a"},
    {"source": "archive", "basename": "a"},
    {"source": "upload", "basename": "no id"},
    {"source": "datasession", "basename": "no id"},
    STORED,
    {"source": "upload", "basename": NUL},
    {"source": "upload", "basename": TOO_LONG},
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
            ("container", {}, FORBIDDEN),
            ("stranger", {"name": " "}, BAD_INPUT),
            ("stranger", {"name": "x" * 257}, BAD_INPUT),
            ("stranger", {"name": NUL}, BAD_INPUT),
            ("stranger", {"data": {"a": 1}}, BAD_INPUT),
            ("stranger", {"organization": "no id"}, NOT_FOUND),
            *(("stranger", files(item), BAD_INPUT) for item in BAD_FILES),
            ("stranger", files({"source": "upload", "basename": "x", "evil": 1}), BAD_INPUT),
            ("stranger", files({"source": "upload", "basename": "x", "type": "exe"}), BAD_INPUT),
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
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"name": NUL}, BAD_INPUT),
            ("owner", {"version": 99}, CONFLICT),
        ),
    ),
    "datasessionInputAdd": Case(
        """mutation($id: ID!, $data: JSON!) {
          datasessionInputAdd(id: $id, inputData: $data) { datasession { inputData } errors { code path message } }
        }""",
        "owner",
        _uploaded_file,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("editor", {}, BAD_INPUT),
            ("owner", {"data": "a"}, BAD_INPUT),
            *(("owner", files(item), BAD_INPUT) for item in BAD_FILES),
        ),
    ),
    "datasessionInputRemove": Case(
        """mutation($id: ID!, $data: JSON!, $version: Int) {
          datasessionInputRemove(id: $id, inputData: $data, expectedVersion: $version) {
            datasession { inputData } errors { code path message }
          }
        }""",
        "editor",
        _existing_file,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("owner", files(), BAD_INPUT),
            ("owner", files(STORED), BAD_INPUT),
            ("owner", files(1), BAD_INPUT),
            ("owner", {"version": 99}, CONFLICT),
        ),
    ),
    "datasessionDelete": Case(
        "mutation($id: ID!) { datasessionDelete(id: $id) { deletedId errors { code path message } } }",
        "owner",
        _session,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN), ("editor", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
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
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("owner", {"username": "nobody"}, BAD_INPUT),
            ("owner", {"role": "WORKSTATION_USER"}, BAD_INPUT),
        ),
    ),
    "datasessionUserRemove": Case(
        """mutation($id: ID!, $username: String!) {
          datasessionUserRemove(id: $id, username: $username) { datasession { id } errors { code path message } }
        }""",
        "owner",
        _shared,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN), ("owner", {"username": NUL}, BAD_INPUT)),
    ),
    "datasessionOrganizationAdd": Case(
        """mutation($id: ID!, $organization: ID!) {
          datasessionOrganizationAdd(id: $id, organizationId: $organization) {
            datasession { id } errors { code path message }
          }
        }""",
        "operator",
        _with_lab,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN), ("owner", {}, NOT_FOUND)),
    ),
    "datasessionOrganizationRemove": Case(
        """mutation($id: ID!, $organization: ID!) {
          datasessionOrganizationRemove(id: $id, organizationId: $organization) {
            datasession { id } errors { code path message }
          }
        }""",
        "owner",
        _with_lab,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN)),
    ),
    "operationCreate": Case(
        """mutation($id: ID!, $name: String! = "Median", $inputs: JSON!) {
          operationCreate(datasessionId: $id, input: {name: $name, inputs: $inputs}) {
            operation { id name state inputs needs { id } } errors { code path message }
          }
        }""",
        "editor",
        _operation_inputs,
        (
            *REFUSED_ALWAYS,
            ("guest", {}, FORBIDDEN),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"name": "Magic"}, BAD_INPUT),
            ("owner", {"name": NUL}, BAD_INPUT),
            ("owner", {"inputs": []}, BAD_INPUT),
            ("owner", {"inputs": {"unknown": 1}}, BAD_INPUT),
            ("owner", inputs(), BAD_INPUT),
            ("owner", inputs(output("no id"), output("none")), BAD_INPUT),
            *(("owner", inputs(item), BAD_INPUT) for item in BAD_FILES),
        ),
    ),
    "operationCancel": Case(
        "mutation($id: ID!) { operationCancel(id: $id) { operation { state } errors { code path message } } }",
        "editor",
        _operation,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "operationRerun": Case(
        "mutation($id: ID!) { operationRerun(id: $id) { operation { state } errors { code path message } } }",
        "editor",
        _done,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "operationDelete": Case(
        "mutation($id: ID!) { operationDelete(id: $id) { deletedId errors { code path message } } }",
        "editor",
        _operation,
        (*REFUSED_ALWAYS, ("guest", {}, FORBIDDEN), ("owner", NO_ID, NOT_FOUND)),
    ),
    "operationsCancel": Case(
        """mutation($ids: [ID!]!) { operationsCancel(ids: $ids) {
          results { id operation { state } errors { code } } errors { code path message }
        } }""",
        "owner",
        _many,
        ((None, {}, UNAUTHENTICATED), ("container", {}, FORBIDDEN), ("owner", {"ids": []}, BAD_INPUT)),
    ),
    "operationsDelete": Case(
        """mutation($ids: [ID!]!) { operationsDelete(ids: $ids) {
          results { id operation { state } errors { code } } errors { code path message }
        } }""",
        "owner",
        _many,
        ((None, {}, UNAUTHENTICATED), ("container", {}, FORBIDDEN), ("owner", {"ids": []}, BAD_INPUT)),
    ),
    "resultOpen": Case(
        """mutation($id: ID!, $names: [String!]) {
          resultOpen(id: $id, names: $names) { links { name url expiresAt } errors { code path message } }
        }""",
        "container",
        _result,
        (
            (None, {}, UNAUTHENTICATED),
            ("stranger", {}, NOT_FOUND),
            ("owner", NO_ID, NOT_FOUND),
            ("owner", {"names": ["b.fits"]}, BAD_INPUT),
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
            ("container", {}, FORBIDDEN),
            ("stranger", {"token": " "}, BAD_INPUT),
            ("stranger", {"token": TOO_LONG}, BAD_INPUT),
            ("stranger", {"token": "a\r\nHost: evil"}, BAD_INPUT),
            ("stranger", {"seconds": 1}, BAD_INPUT),
            ("stranger", {"seconds": 10**9}, BAD_INPUT),
        ),
    ),
    "archiveTokenRemove": Case(
        "mutation { archiveTokenRemove { isKept errors { code path message } } }",
        "stranger",
        lambda _: {},
        ((None, {}, UNAUTHENTICATED), ("container", {}, FORBIDDEN)),
    ),
}
