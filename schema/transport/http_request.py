"""What a client sends over HTTP, checked before anything is executed."""

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
from schema.transport.multipart import with_files

CSRF_HEADERS = ("x-carrel-csrf", "graphql-require-preflight", "apollo-require-preflight")
"""Headers that no page of another site can send without being asked first."""
BODY_LIMIT = 1 << 20
UPLOAD_LIMIT = 16 << 20
MAPS = ("variables", "extensions")


class TooLarge(CarrelError):
    """The body of the request is too large."""

    code = "BAD_USER_INPUT"
    status: ClassVar[int] = 413


class WrongMediaType(CarrelError):
    """Send the operation as application/json in UTF-8."""

    code = "BAD_USER_INPUT"
    status: ClassVar[int] = 415


@dataclass(frozen=True)
class Operation:
    """One operation as it was asked for."""

    query: str
    variables: dict[str, Any] | None
    name: str | None
    extensions: dict[str, Any] | None


@asynccontextmanager
async def reading(request: Request, *, uploads: bool, body_limit: int, upload_limit: int) -> AsyncIterator[Operation]:
    """Give the operation that the request carries, its files open inside; CarrelError says what is wrong with it."""
    if request.method == "GET":
        _refuse_forgery(request, ambient_only=True)
        yield operation(_parameters(request))
        return
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("A compressed body is not read; send it as it is.")
    kind, charset = _content_type(request.headers.get("content-type", ""))
    if kind == "application/json" and charset in {"utf-8", "utf8"}:
        yield operation(_json(await _body(request, body_limit), "The body"))
    elif uploads and kind == "multipart/form-data":
        _refuse_forgery(request, ambient_only=False)
        form = await _form(request, upload_limit)
        try:
            yield operation(with_files(_part(form, "operations"), _part(form, "map"), form))
        finally:
            await form.close()
    else:
        raise WrongMediaType


def operation(asked: object) -> Operation:
    """Check the parameters of an operation, wherever they came from."""
    if isinstance(asked, list):
        raise BadInput("Send one operation in a request; batches are not taken.")
    if not isinstance(asked, Mapping):
        raise BadInput("A request is a JSON object with the key `query`.")
    query, name = asked.get("query"), asked.get("operationName")
    if not isinstance(query, str) or not query:
        raise BadInput("A request needs a `query`, a text that is not empty.", path=("query",))
    if not isinstance(name, str | None):
        raise BadInput("`operationName` is a text or null.", path=("operationName",))
    for key in MAPS:
        if not isinstance(asked.get(key), dict | None):
            raise BadInput(f"`{key}` is a JSON object or null.", path=(key,))
    return Operation(query, asked.get("variables"), name, asked.get("extensions"))


def _refuse_forgery(request: Request, *, ambient_only: bool) -> None:
    """Refuse what a page of another site could have made a signed-in browser send."""
    if any(request.headers.get(header) for header in (*CSRF_HEADERS, "authorization")):
        return
    if ambient_only and "cookie" not in request.headers:
        return
    raise Forbidden(
        "This request could come from another site; send the header X-Carrel-CSRF: 1, or use POST and JSON."
    )


def _parameters(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = dict(request.query_params)
    given.update({key: _json(given[key].encode(), f"`{key}`") for key in MAPS if given.get(key)})
    given.update({key: None for key in (*MAPS, "operationName") if not given.get(key)})
    return given


@lru_cache(maxsize=256)
def _content_type(text: str) -> tuple[str, str]:
    header = Header()
    header["content-type"] = text
    charset = str(header.get_param("charset", "utf-8"))
    return text.split(";")[0].strip().lower(), charset.lower()


def _json(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{what} is not valid JSON: {error.msg}.") from None


def _part(form: FormData, name: str) -> Any:
    text = form.get(name)
    return _json(text.encode() if isinstance(text, str) else b"", f"The part `{name}`")


async def _body(request: Request, limit: int) -> bytes:
    metered = Meter(request, limit)
    try:
        return await Request(request.scope, metered.receive).body()
    except MultiPartException:
        raise metered.refusal from None


async def _form(request: Request, limit: int) -> FormData:
    metered = Meter(request, limit)
    try:
        return await Request(request.scope, metered.receive).form(max_files=10, max_fields=10, max_part_size=BODY_LIMIT)
    except (HTTPException, MultiPartException, ValueError, KeyError) as error:
        if metered.exceeded:
            raise metered.refusal from None
        raise BadInput(f"The multipart body cannot be read: {getattr(error, 'detail', error)}.") from None


class Meter:
    """Reads the body of a request and stops as soon as it passes the limit, however long it said it was."""

    def __init__(self, request: Request, limit: int) -> None:
        """Allow `limit` bytes."""
        self.refusal = TooLarge(f"The body of a request has at most {limit} bytes.")
        self._receive, self._left = request.receive, limit
        declared = request.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            raise self.refusal

    @property
    def exceeded(self) -> bool:
        """Whether the body was too large."""
        return self._left < 0

    async def receive(self) -> Message:
        """Receive one message; the exception is one at which Starlette's parser closes its files."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self.exceeded:
            raise MultiPartException(self.refusal.message)
        return message
