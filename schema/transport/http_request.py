"""Parses and validates GraphQL requests over HTTP, for the server. Refuses requests that other sites can forge."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message as Header
from functools import lru_cache
from typing import Any, ClassVar

import orjson
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from core.errors import BadInput, CarrelError, Forbidden
from schema.transport.multipart import MAX_FILES, with_files

CSRF_HEADERS = ("x-carrel-csrf", "graphql-require-preflight", "apollo-require-preflight")
"""Headers that a page of another site can send only after a CORS preflight."""
BODY_LIMIT = 1 << 20
UPLOAD_LIMIT = 16 << 20
OBJECT_KEYS = ("variables", "extensions")


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
        _check_csrf(request, only_cookies=True)
        yield validate_request(_parameters(request))
        return
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Compressed bodies are not supported. Send the body uncompressed.")
    kind, charset = _content_type(request.headers.get("content-type", ""))
    if kind == "application/json" and charset in {"utf-8", "utf8"}:
        yield validate_request(_json(await _body(request, body_limit), "The body"))
    elif uploads and kind == "multipart/form-data":
        _check_csrf(request, only_cookies=False)
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


def _check_csrf(request: Request, *, only_cookies: bool) -> None:
    """Refuse a request that a page of another site could make a signed-in browser send."""
    if any(request.headers.get(header) for header in (*CSRF_HEADERS, "authorization")):
        return
    if only_cookies and "cookie" not in request.headers:
        return
    raise Forbidden(
        "This request could come from another site. Send the header X-Carrel-CSRF: 1, or use POST with JSON."
    )


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
