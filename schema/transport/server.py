"""The ASGI application of a GraphQL schema: HTTP, server-sent events and websockets."""

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
from schema.context import GraphQLContext
from schema.execution.event_cache import payload
from schema.execution.schema import Schema
from schema.graphql.errors import INTERNAL_MESSAGE, new_trace_id
from schema.transport.http import (
    BODY_LIMIT,
    EVENT_STREAM,
    JSON,
    UPLOAD_LIMIT,
    GraphQLRequest,
    encode_json,
    error_response,
    negotiate_media_type,
    parse_request,
    result_body,
    result_response,
)
from schema.transport.sse import HEARTBEAT_SECONDS, EventStream, StreamLimiter
from schema.transport.websocket import TextAdapter, TransportHandler

log = logging.getLogger("carrel.graphql")

PrincipalOf = Callable[[HTTPConnection], Awaitable[Principal | None]]
UntilRevoked = Callable[[Principal], Awaitable[object]]
MakeContext = Callable[[Principal | None, HTTPConnection], GraphQLContext]
SSE = SSETransport()


async def _anonymous(_connection: HTTPConnection) -> Principal | None:
    return None


async def _never(_principal: Principal) -> None:
    await asyncio.Event().wait()


def _create_context(principal: Principal | None, connection: HTTPConnection) -> GraphQLContext:
    return GraphQLContext(principal=principal, connection=connection)


@dataclass(frozen=True)
class ServerOptions:
    """Limits and timings of the server."""

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
    """Accept one of application/graphql-response+json, application/json and text/event-stream."""

    code = "BAD_USER_INPUT"
    status = 406


class MethodNotAllowed(CarrelError):
    """Send GraphQL requests with GET or POST."""

    code = "BAD_USER_INPUT"
    status = 405

    def __init__(self, message: str | None = None, *, allow: str = "GET, POST") -> None:
        """Create the error with `message` and the allowed methods for the Allow header."""
        super().__init__(message)
        self.allow = allow


class GraphQLServer(GraphQL[GraphQLContext, None]):
    """Serves one schema. `principal_of` authenticates the caller; streams end when `until_revoked` returns."""

    websocket_adapter_class = TextAdapter
    graphql_transport_ws_handler_class = TransportHandler
    schema: Schema

    def __init__(
        self,
        schema: Schema,
        *,
        principal_of: PrincipalOf = _anonymous,
        until_revoked: UntilRevoked = _never,
        make_context: MakeContext = _create_context,
        explorer: Callable[[Request], Response] | None = None,
        options: ServerOptions | None = None,
    ) -> None:
        """Serve `schema`; `explorer` renders the page for a browser's GET without a query."""
        self.options = options or ServerOptions()
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=self.options.init_seconds),
            max_subscriptions_per_connection=self.options.operations_per_connection,
            allowed_origins=self.options.allowed_origins,
        )
        self.principal_of, self.until_revoked, self.make_context = principal_of, until_revoked, make_context
        self.explorer = explorer
        self.ping_seconds = self.options.ping_seconds
        self.stream_limiter = StreamLimiter(self.options.streams_per_caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._respond(request)
            await response(scope, receive, send)
        else:
            await self.run(WebSocket(scope, receive=receive, send=send))

    async def get_context(self, request: Any, response: Any) -> GraphQLContext:  # noqa: ARG002
        """Return the context of a socket; connection_init sets its caller."""
        return self.make_context(None, request)

    def decode_json(self, data: str | bytes) -> object:
        """Decode JSON."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        """Encode JSON."""
        return encode_json(data)

    async def _respond(self, request: Request) -> Response:
        if self.explorer and _wants_page(request):
            return self.explorer(request)
        media = negotiate_media_type(request.headers.get("accept"))
        trace_id = new_trace_id()
        error_media = JSON if media in {None, EVENT_STREAM} else str(media)
        try:
            return await self._answer(request, media, trace_id)
        except MethodNotAllowed as error:
            response = error_response(error, error_media, trace_id)
            response.headers["allow"] = error.allow
            return response
        except CarrelError as error:
            return error_response(error, error_media, trace_id)
        except Exception:
            log.exception("A request failed outside its operation [%s]", trace_id)
            return error_response(CarrelError(INTERNAL_MESSAGE), error_media, trace_id)

    async def _answer(self, request: Request, media: str | None, trace_id: str) -> Response:
        if request.method not in {"GET", "POST"}:
            raise MethodNotAllowed
        if media is None:
            raise NotAcceptable
        options = self.options
        async with parse_request(
            request, uploads=options.uploads, body_limit=options.body_limit, upload_limit=options.upload_limit
        ) as graphql_request:
            context = self.make_context(await self.principal_of(request), request)
            context.trace_id = trace_id
            if media == EVENT_STREAM:
                return await self._stream(request, graphql_request, context)
            return await self._execute(request, graphql_request, context, media)

    async def _execute(
        self, request: Request, graphql_request: GraphQLRequest, context: GraphQLContext, media: str
    ) -> Response:
        allowed = {OperationType.QUERY} if request.method == "GET" else {OperationType.QUERY, OperationType.MUTATION}
        try:
            result = await self.schema.execute(
                graphql_request.query,
                graphql_request.variables,
                context,
                operation_name=graphql_request.name,
                allowed_operation_types=allowed,
                operation_extensions=graphql_request.extensions,
            )
        except InvalidOperationTypeError as error:
            raise _wrong_transport_error(error.operation_type) from None
        except CannotGetOperationTypeError as error:
            raise BadInput(error.as_http_error_reason(), path=("operationName",)) from None
        return result_response(result_body(result.data, result.errors, result.extensions), media)

    async def _stream(self, request: Request, graphql_request: GraphQLRequest, context: GraphQLContext) -> Response:
        # Check and charge before the response starts, so that a refusal still sets the HTTP status.
        self.stream_limiter.check(context.caller_key)
        await self.schema.charge(graphql_request.query, graphql_request.variables, graphql_request.name, context)
        allowed = set(OperationType) - ({OperationType.MUTATION} if request.method == "GET" else set())
        results = await self.schema.stream(
            graphql_request.query,
            graphql_request.variables,
            context_value=context,
            operation_name=graphql_request.name,
            allowed_operation_types=allowed,
            operation_extensions=graphql_request.extensions,
        )
        events = self._events(results, context)
        return EventStream(events, lambda: self._revoked(context.principal), self.options.heartbeat_seconds)

    async def _events(self, results: StreamResult, context: GraphQLContext) -> AsyncGenerator[str, None]:
        with self.stream_limiter.slot(context.caller_key):
            async with aclosing(results):
                async for result in results:
                    yield SSE.encode_next(payload(result), _encode_text)
            yield SSE.encode_complete()

    async def _revoked(self, principal: Principal | None) -> None:
        await (self.until_revoked(principal) if principal else asyncio.Event().wait())


def _encode_text(value: object) -> str:
    return encode_json(value).decode()


def _wrong_transport_error(kind: OperationType) -> CarrelError:
    if kind is OperationType.MUTATION:
        return MethodNotAllowed("Send a mutation with POST.", allow="POST")
    return BadInput(
        "A subscription needs a stream. Use a websocket (graphql-transport-ws), or accept text/event-stream."
    )


def _wants_page(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return request.method == "GET" and "query" not in request.query_params and "text/html" in accepts
