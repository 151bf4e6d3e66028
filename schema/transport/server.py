"""The ASGI application that speaks GraphQL: over HTTP, server-sent events and websockets."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http.streaming import SSETransport
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.graphql import OperationType

from core.errors import BadInput, CarrelError
from models.permissions.principal import Principal
from schema.execution.context import Context
from schema.execution.event_cache import payload
from schema.execution.schema import Schema
from schema.graphql.errors import MASK, new_trace_id
from schema.transport.http_request import BODY_LIMIT, UPLOAD_LIMIT, Operation, reading
from schema.transport.http_response import EVENTS, JSON, body, encoded, media_type, refusal, result
from schema.transport.sse import HEARTBEAT_SECONDS, EventStream, Turnstile
from schema.transport.websocket import TextAdapter, TransportHandler

log = logging.getLogger("carrel.graphql")

PrincipalOf = Callable[[HTTPConnection], Awaitable[Principal | None]]
UntilRevoked = Callable[[Principal], Awaitable[object]]
MakeContext = Callable[[Principal | None, HTTPConnection], Context]
SSE = SSETransport()


async def _nobody(_connection: HTTPConnection) -> Principal | None:
    return None


async def _never(_principal: Principal) -> None:
    await asyncio.Event().wait()


def _plain(principal: Principal | None, connection: HTTPConnection) -> Context:
    return Context(principal=principal, connection=connection)


@dataclass(frozen=True)
class Surface:
    """How the server meets its clients."""

    uploads: bool = False
    body_limit: int = BODY_LIMIT
    upload_limit: int = UPLOAD_LIMIT
    allowed_origins: Sequence[str] = ()
    operations_per_connection: int = 50
    streams_per_caller: int = 200
    ping_seconds: float = 25.0
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    init_seconds: float = 10.0


class NotAcceptable(CarrelError):
    """Answers come as application/graphql-response+json, application/json or text/event-stream."""

    code = "BAD_USER_INPUT"
    status = 406


class MethodNotAllowed(CarrelError):
    """GraphQL is asked by GET or POST."""

    code = "BAD_USER_INPUT"
    status = 405

    def __init__(self, message: str | None = None, *, allow: str = "GET, POST") -> None:
        """Say `message`; the methods in `allow` would do."""
        super().__init__(message)
        self.allow = allow


class GraphQLServer(GraphQL[Context, None]):
    """Serves one schema. It asks `principal_of` who is calling, and ends streams when `until_revoked` returns."""

    websocket_adapter_class = TextAdapter
    graphql_transport_ws_handler_class = TransportHandler
    schema: Schema

    def __init__(
        self,
        schema: Schema,
        *,
        principal_of: PrincipalOf = _nobody,
        until_revoked: UntilRevoked = _never,
        make_context: MakeContext = _plain,
        explorer: Callable[[Request], Response] | None = None,
        surface: Surface | None = None,
    ) -> None:
        """Serve `schema`; `explorer` renders the page that a browser gets for GET without a query."""
        self.surface = surface or Surface()
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=self.surface.init_seconds),
            max_subscriptions_per_connection=self.surface.operations_per_connection,
            allowed_origins=self.surface.allowed_origins,
        )
        self.principal_of, self.until_revoked, self.make_context = principal_of, until_revoked, make_context
        self.explorer = explorer
        self.ping_seconds = self.surface.ping_seconds
        self.turnstile = Turnstile(self.surface.streams_per_caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._respond(request)
            await response(scope, receive, send)
        else:
            await self.run(WebSocket(scope, receive=receive, send=send))

    async def get_context(self, request: Any, response: Any) -> Context:  # noqa: ARG002
        """Return the context of a socket; its caller is known after connection_init."""
        return self.make_context(None, request)

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return encoded(data)

    async def _respond(self, request: Request) -> Response:
        if self.explorer and _wants_page(request):
            return self.explorer(request)
        media = media_type(request.headers.get("accept"))
        trace_id = new_trace_id()
        shape = JSON if media in {None, EVENTS} else str(media)
        try:
            return await self._answer(request, media, trace_id)
        except MethodNotAllowed as error:
            response = refusal(error, shape, trace_id)
            response.headers["allow"] = error.allow
            return response
        except CarrelError as error:
            return refusal(error, shape, trace_id)
        except Exception:
            log.exception("The request failed outside its operation [%s]", trace_id)
            return refusal(CarrelError(MASK), shape, trace_id)

    async def _answer(self, request: Request, media: str | None, trace_id: str) -> Response:
        if request.method not in {"GET", "POST"}:
            raise MethodNotAllowed
        if media is None:
            raise NotAcceptable
        surface = self.surface
        async with reading(
            request, uploads=surface.uploads, body_limit=surface.body_limit, upload_limit=surface.upload_limit
        ) as operation:
            context = self.make_context(await self.principal_of(request), request)
            context.trace_id = trace_id
            if media == EVENTS:
                return await self._stream(request, operation, context)
            return await self._execute(request, operation, context, media)

    async def _execute(self, request: Request, operation: Operation, context: Context, media: str) -> Response:
        allowed = {OperationType.QUERY} if request.method == "GET" else {OperationType.QUERY, OperationType.MUTATION}
        try:
            done = await self.schema.execute(
                operation.query,
                operation.variables,
                context,
                operation_name=operation.name,
                allowed_operation_types=allowed,
                operation_extensions=operation.extensions,
            )
        except InvalidOperationTypeError as error:
            raise _wrong_way(error.operation_type) from None
        except CannotGetOperationTypeError as error:
            raise BadInput(error.as_http_error_reason(), path=("operationName",)) from None
        return result(body(done.data, done.errors, done.extensions), media)

    async def _stream(self, request: Request, operation: Operation, context: Context) -> Response:
        self.turnstile.check(context.caller_key)
        await self.schema.admit(operation.query, operation.variables, operation.name, context)
        allowed = set(OperationType) - ({OperationType.MUTATION} if request.method == "GET" else set())
        results = await self.schema.stream(
            operation.query,
            operation.variables,
            context_value=context,
            operation_name=operation.name,
            allowed_operation_types=allowed,
            operation_extensions=operation.extensions,
        )
        events = self._events(results, context)
        return EventStream(events, lambda: self._revoked(context.principal), self.surface.heartbeat_seconds)

    async def _events(self, results: StreamResult, context: Context) -> AsyncGenerator[str, None]:
        with self.turnstile.entered(context.caller_key):
            async with aclosing(results):
                async for each in results:
                    yield SSE.encode_next(payload(each), _text)
            yield SSE.encode_complete()

    async def _revoked(self, principal: Principal | None) -> None:
        await (self.until_revoked(principal) if principal else asyncio.Event().wait())


def _text(value: object) -> str:
    return encoded(value).decode()


def _wrong_way(kind: OperationType) -> CarrelError:
    if kind is OperationType.MUTATION:
        return MethodNotAllowed("A mutation is sent by POST.", allow="POST")
    return BadInput("A subscription is a stream: use a websocket (graphql-transport-ws), or accept text/event-stream.")


def _wants_page(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return request.method == "GET" and "query" not in request.query_params and "text/html" in accepts
