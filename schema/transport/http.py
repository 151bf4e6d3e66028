"""GraphQL over HTTP, for the server: parses and validates requests, and builds the responses to them.

Requests that other sites can forge are refused. Bodies are limited while they are received.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message as Header
from functools import lru_cache
from math import ceil
from typing import Any, ClassVar

import orjson
from graphql import GraphQLError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from core.errors import BadInput, CarrelError, RateLimited, Unauthenticated
from core.web.csrf import check_simple_request
from schema.graphql.errors import client_error
from schema.transport.multipart import MAX_FILES, with_files

BODY_LIMIT = 1 << 20
UPLOAD_LIMIT = 16 << 20
OBJECT_KEYS = ("variables", "extensions")
JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
STATUS_BY_CODE = {"RATE_LIMITED": 429, "INTERNAL": 500}
"""The status of a request error by its code, otherwise 400. It applies to the GraphQL media type.

With application/json only RATE_LIMITED changes the status; other results have 200."""


class PayloadTooLarge(CarrelError):
    """The request body is too large."""

    code = "BAD_USER_INPUT"
    status: ClassVar[int] = 413


class UnsupportedMediaType(CarrelError):
    """Send the operation as application/json in UTF-8."""

    code = "BAD_USER_INPUT"
    status: ClassVar[int] = 415


@dataclass(frozen=True)
class GraphQLRequest:
    """The validated parameters of one request."""

    query: str
    variables: dict[str, Any] | None
    name: str | None
    extensions: dict[str, Any] | None


@asynccontextmanager
async def parse_request(
    request: Request, *, uploads: bool, body_limit: int, upload_limit: int
) -> AsyncIterator[GraphQLRequest]:
    """Provide the request's parameters, with its files open; raise CarrelError if they are invalid."""
    if request.method == "GET":
        check_simple_request(request.headers, only_with_cookie=True)
        yield validate_request(_parameters(request))
        return
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Compressed bodies are not supported. Send the body uncompressed.")
    kind, charset = _content_type(request.headers.get("content-type", ""))
    if kind == "application/json" and charset in {"utf-8", "utf8"}:
        yield validate_request(_json(await _body(request, body_limit), "The body"))
    elif uploads and kind == "multipart/form-data":
        check_simple_request(request.headers, only_with_cookie=False)
        form = await _form(request, upload_limit)
        try:
            yield validate_request(with_files(_part(form, "operations"), _part(form, "map"), form))
        finally:
            await form.close()
    else:
        raise UnsupportedMediaType


def validate_request(parameters: object) -> GraphQLRequest:
    """Validate the parameters of a request, from a body or a query string."""
    if isinstance(parameters, list):
        raise BadInput("Batches are not supported. Send one operation in each request.")
    if not isinstance(parameters, Mapping):
        raise BadInput("A request must be a JSON object with the key `query`.")
    query, name = parameters.get("query"), parameters.get("operationName")
    if not isinstance(query, str) or not query:
        raise BadInput("`query` is required, and must be a string that is not empty.", path=("query",))
    if not isinstance(name, str | None):
        raise BadInput("`operationName` must be a string or null.", path=("operationName",))
    for key in OBJECT_KEYS:
        if not isinstance(parameters.get(key), dict | None):
            raise BadInput(f"`{key}` must be a JSON object or null.", path=(key,))
    return GraphQLRequest(query, parameters.get("variables"), name, parameters.get("extensions"))


def _parameters(request: Request) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(request.query_params)
    parameters.update({key: _json(parameters[key].encode(), f"`{key}`") for key in OBJECT_KEYS if parameters.get(key)})
    parameters.update({key: None for key in (*OBJECT_KEYS, "operationName") if not parameters.get(key)})
    return parameters


@lru_cache(maxsize=256)
def _content_type(text: str) -> tuple[str, str]:
    header = Header()
    header["content-type"] = text
    charset = str(header.get_param("charset", "utf-8"))
    return text.split(";")[0].strip().lower(), charset.lower()


def _json(content: bytes, subject: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{subject} is not valid JSON: {error.msg}.") from None


def _part(form: FormData, name: str) -> Any:
    content = form.get(name)
    return _json(content.encode() if isinstance(content, str) else b"", f"The part `{name}`")


async def _body(request: Request, limit: int) -> bytes:
    limiter = BodyLimiter(request, limit)
    try:
        return await Request(request.scope, limiter.receive).body()
    except MultiPartException:
        raise limiter.refusal from None


async def _form(request: Request, limit: int) -> FormData:
    limiter = BodyLimiter(request, limit)
    try:
        return await Request(request.scope, limiter.receive).form(
            max_files=MAX_FILES, max_fields=10, max_part_size=BODY_LIMIT
        )
    except (HTTPException, MultiPartException, ValueError, KeyError) as error:
        if limiter.is_exceeded:
            raise limiter.refusal from None
        raise BadInput(f"The multipart body cannot be read: {getattr(error, 'detail', error)}.") from None


class BodyLimiter:
    """Limits the size of a request body while it is received, whatever its Content-Length."""

    def __init__(self, request: Request, limit: int) -> None:
        """Allow `limit` bytes."""
        self.refusal = PayloadTooLarge(f"The request body can have at most {limit} bytes.")
        self._receive, self._left = request.receive, limit
        declared = request.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            raise self.refusal

    @property
    def is_exceeded(self) -> bool:
        """Whether the body was too large."""
        return self._left < 0

    async def receive(self) -> Message:
        """Receive one message; raise MultiPartException past the limit."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        # At this exception Starlette's form parser closes its files.
        if self.is_exceeded:
            raise MultiPartException(self.refusal.message)
        return message


def negotiate_media_type(accept: str | None) -> str | None:
    """Return the supported media type that `accept` prefers, or None."""
    best, chosen = 0.0, None
    for kind, quality in _preferences(accept or JSON):
        if quality > best and (supported := _supported(kind)):
            best, chosen = quality, supported
    return chosen


def encode_json(value: object) -> bytes:
    """Return `value` as JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # orjson does not support integers beyond 64 bits.
        return json.dumps(value, separators=(",", ":")).encode()


def result_body(
    data: Any, errors: Sequence[GraphQLError] | None, extensions: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the body of a result; without `data` if the request did not run, so that no error has a path."""
    payload: dict[str, Any] = {}
    if errors:
        payload["errors"] = [error.formatted for error in errors]
    if data is not None or any(error.path for error in errors or ()) or not errors:
        payload["data"] = data
    if extensions:
        payload["extensions"] = extensions
    return payload


def result_response(payload: Mapping[str, Any], media: str) -> Response:
    """Return the response with the body of an executed or refused operation."""
    status = 200 if "data" in payload else _status(payload)
    response = _response(payload, media, 200 if media == JSON and status != RateLimited.status else status)
    if status == RateLimited.status:
        _set_retry_after(response, payload["errors"][0]["extensions"].get("retryAfter", 1.0))
    return response


def error_response(error: CarrelError, media: str, trace_id: str) -> Response:
    """Return the response to a request that was refused before its operation was prepared."""
    payload = {"errors": [client_error(GraphQLError(error.message, original_error=error), trace_id).formatted]}
    response = _response(payload, media, error.status)
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = "Bearer"
    if isinstance(error, RateLimited):
        _set_retry_after(response, error.retry_after)
    return response


def _set_retry_after(response: Response, seconds: float) -> None:
    response.headers["retry-after"] = str(max(1, ceil(seconds)))


def _status(payload: Mapping[str, Any]) -> int:
    return STATUS_BY_CODE.get(payload["errors"][0].get("extensions", {}).get("code"), 400)


def _response(payload: Mapping[str, Any], media: str, status: int) -> Response:
    response = Response(encode_json(payload), status, media_type=f"{media}; charset=utf-8")
    response.headers["vary"] = "Accept"
    return response


def _preferences(accept: str) -> list[tuple[str, float]]:
    parts = [part.split(";") for part in accept.split(",")]
    return [(kind.strip().lower(), _quality(parameters)) for kind, *parameters in parts]


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _supported(kind: str) -> str | None:
    if kind in {"*/*", "application/*"}:
        return JSON
    return kind if kind in {JSON, GRAPHQL, EVENT_STREAM} else None
