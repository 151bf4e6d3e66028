"""GraphQL over HTTP, by the specification and its audit suite."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.schema.library_server import Library

GRAPHQL = "application/graphql-response+json"
READER = {"authorization": "Bearer reader"}


@pytest.fixture
async def client(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=library.url, timeout=10) as client:
        yield client


async def _post(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    return await client.post("", json=body, headers={"accept": GRAPHQL, **headers})


async def test_response_has_preferred_media_type(client: httpx.AsyncClient) -> None:
    for accept, expected in [
        (GRAPHQL, GRAPHQL),
        ("application/json", "application/json"),
        (f"application/json;q=0.5, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.1, application/json;q=0.2", "application/json"),
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
    ]:
        response = await client.post("", json={"query": "{ hello }"}, headers={"accept": accept})
        assert response.headers["content-type"] == f"{expected}; charset=utf-8"
        assert response.json()["data"] == {"hello": "world"}


async def test_unsupported_accept_is_406(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "{ hello }"}, headers={"accept": "image/png"})

    assert response.status_code == 406


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query($a: Int!) { hello }", "query A { hello } query B { hello }"]
)
async def test_request_error_status_depends_on_media_type(client: httpx.AsyncClient, query: str) -> None:
    strict = await _post(client, {"query": query})
    lenient = await _post(client, {"query": query}, accept="application/json")

    assert (strict.status_code, lenient.status_code) == (400, 200)
    assert "data" not in strict.json()
    assert "data" not in lenient.json()


async def test_field_error_has_data_and_is_200(client: httpx.AsyncClient) -> None:
    response = await _post(client, {"query": "{ boom }"})

    assert response.status_code == 200
    assert response.json()["data"] == {"boom": None}


@pytest.mark.parametrize(
    "content",
    [
        *[b"", b"{", b'"text"', b"1", b"null", b"[]", b'[{"query": "{ hello }"}]', b"\xff\xfe", b"[" * 5000, b"{}"],
        *[b'{"query": 1}', b'{"query": ""}', b'{"query": "{ hello }", "variables": "x"}'],
        *[b'{"query": "{ hello }", "variables": [1]}', b'{"query": "{ hello }", "operationName": 1}'],
        *[b'{"query": "{ hello }", "extensions": 0}', b'{"query": "{ hello }", "operationName": "Other"}'],
    ],
)
async def test_malformed_body_is_400_with_json_error(client: httpx.AsyncClient, content: bytes) -> None:
    for accept in (GRAPHQL, "application/json"):
        headers = {"content-type": "application/json", "accept": accept}
        response = await client.post("", content=content, headers=headers)

        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "text/plain;application/json"])
async def test_unsupported_content_type_is_415(client: httpx.AsyncClient, kind: str) -> None:
    response = await client.post("", content=b'{"query": "{ hello }"}', headers={"content-type": kind})

    assert response.status_code == 415


async def test_unsupported_method_is_405_with_allow_header(client: httpx.AsyncClient) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        response = await client.request(method, "", json={})
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
        assert response.json()["errors"]


async def test_get_runs_queries_but_not_mutations(client: httpx.AsyncClient) -> None:
    parameters = {"query": "query($t: String) { echo(text: $t) }", "variables": json.dumps({"t": "hi"})}
    read = await client.get("", params=parameters)
    write = await client.get("", params={"query": 'mutation { bookRename(title: "x") { book { id } } }'})

    assert read.json()["data"] == {"echo": "hi"}
    assert (write.status_code, write.headers["allow"]) == (405, "POST")


async def test_forgeable_get_is_refused(client: httpx.AsyncClient) -> None:
    forged = await client.get("", params={"query": "{ secret }"}, headers={"cookie": "carrel=reader"})
    allowed = await client.get(
        "", params={"query": "{ secret }"}, headers={"cookie": "carrel=reader", "x-carrel-csrf": "1"}
    )

    assert (forged.status_code, forged.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert allowed.json()["data"] == {"secret": "the secret"}


async def test_body_over_limit_is_413(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    headers = {"content-type": "application/json"}
    assert (await client.post("", content=b" " * (1 << 20) + b"{}", headers=headers)).status_code == 413
    assert (await client.post("", content=chunks(), headers=headers)).status_code == 413


async def test_unknown_token_is_401(client: httpx.AsyncClient) -> None:
    response = await _post(client, {"query": "{ hello }"}, authorization="Bearer wrong")

    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_subscription_over_plain_http_explains_streams(client: httpx.AsyncClient) -> None:
    response = await _post(client, {"query": "subscription { count }"}, **READER)

    assert response.status_code == 400
    assert "text/event-stream" in response.json()["errors"][0]["message"]


FILE = {
    "operations": json.dumps({"query": "mutation($f: Upload!) { measure(file: $f) }", "variables": {"f": None}}),
    "map": json.dumps({"0": ["variables.f"]}),
}


async def test_file_upload_requires_csrf_header(client: httpx.AsyncClient) -> None:
    files = {"0": ("a.txt", b"12345")}
    forged = await client.post("", data=FILE, files=files)
    allowed = await client.post("", data=FILE, files=files, headers={"x-carrel-csrf": "1"})

    assert forged.status_code == 403
    assert allowed.json()["data"] == {"measure": 5}


@pytest.mark.parametrize(
    "change",
    [
        {"operations": "x"},
        {"operations": "[]"},
        {"map": "[]"},
        {"map": '{"0": ["query"]}'},
        {"map": '{"0": ["variables.g.h"]}'},
        {"map": '{"0": "variables.f"}'},
        {"map": '{"1": ["variables.f"]}'},
        {"map": '{"0": [1]}'},
    ],
)
async def test_malformed_multipart_request_is_400(client: httpx.AsyncClient, change: dict[str, str]) -> None:
    response = await client.post(
        "", data={**FILE, **change}, files={"0": ("a.txt", b"12345")}, headers={"x-carrel-csrf": "1"}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_broken_multipart_is_400_and_large_413(client: httpx.AsyncClient) -> None:
    headers = {"x-carrel-csrf": "1", "content-type": "multipart/form-data; boundary=x"}
    assert (await client.post("", content=b"--x\r\nnonsense", headers=headers)).status_code == 400
    files = {"0": ("a.txt", b"1" * (3 << 20))}
    large = await client.post("", data=FILE, files=files, headers={"x-carrel-csrf": "1"})
    assert large.status_code == 413


async def test_string_is_not_a_file(client: httpx.AsyncClient) -> None:
    body = {"query": "mutation($f: Upload!) { measure(file: $f) }", "variables": {"f": "text"}}

    assert (await _post(client, body)).json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_browser_gets_query_page(client: httpx.AsyncClient) -> None:
    response = await client.get("", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert "graphiql.min.js" in response.text
    assert "script-src 'self'" in response.headers["content-security-policy"]
