"""Implements the graphql-transport-ws protocol over Strawberry's handler, for the server.

It checks the format of every message, limits streams, pings its peers and closes on revoked credentials.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

from graphql import GraphQLError
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.execution import PreExecutionError

from core.errors import CarrelError, RateLimited
from models.permissions.principal import Principal
from schema.context import GraphQLContext
from schema.execution.event_cache import payload
from schema.graphql.errors import INTERNAL_MESSAGE, log_and_mask
from schema.transport.http import BODY_LIMIT, encode_json
from schema.transport.sse import StreamLimiter

log = logging.getLogger("carrel.graphql")

MAX_REASON_BYTES = 120
CLOSE_MESSAGE_TOO_BIG = 1009
CLOSE_INTERNAL_ERROR = 1011
CLOSE_FORBIDDEN = 4403
CLOSE_PING_TIMEOUT = 4499


class SocketHost(Protocol):
    """The part of the server that a socket uses."""

    stream_limiter: StreamLimiter
    ping_seconds: float

    async def principal_of(self, connection: HTTPConnection, /) -> Principal | None:
        """Return the caller."""

    async def until_revoked(self, principal: Principal, /) -> object:
        """Return when the caller's credential is revoked or expires."""


class TextAdapter(ASGIWebSocketAdapter):
    """Sends JSON as text, and tolerates a peer that has disconnected."""

    ws: WebSocket

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002
        """Yield each message until the peer disconnects."""
        while not self._is_closed:
            message = await self.ws.receive()
            if message["type"] == "websocket.disconnect" or self._is_closed:
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > BODY_LIMIT:
                await self.close(CLOSE_MESSAGE_TOO_BIG, f"A message can have at most {BODY_LIMIT} characters.")
                return
            yield self._decoded(text)

    @property
    def _is_closed(self) -> bool:
        return self.ws.application_state is WebSocketState.DISCONNECTED

    def _decoded(self, text: str) -> object:
        try:
            return self.view.decode_json(text)
        except ValueError as error:
            raise NonJsonMessageReceived from error

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        try:
            await self.ws.send_text(encode_json(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close once, with the reason cut to fit into a close frame."""
        if self.ws.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.ws.close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))


class TransportHandler(BaseGraphQLTransportWSHandler[GraphQLContext, None]):
    """Serves one socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._host = cast("SocketHost", self.view)
        self._background_tasks: list[asyncio.Task[None]] = []
        self._pong_received = True

    async def handle(self) -> None:
        """Serve the socket until it closes."""
        self._start_task(self._ping)
        await super().handle()

    async def shutdown(self) -> None:
        """Cancel the tasks of the socket."""
        for task in self._background_tasks:
            task.cancel()
        await asyncio.gather(*self._background_tasks, return_exceptions=True)
        await super().shutdown()

    async def handle_message(self, message: Any) -> None:
        """Check the message's format, as the protocol requires, before it is handled."""
        problem = _message_problem(message)
        if problem:
            await self.handle_invalid_message(problem)
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: Any) -> None:
        """Authenticate the caller by the payload's Authorization, otherwise by the handshake."""
        if message.get("payload") is None:
            message = {"type": "connection_init"}
        is_repeated = self.connection_init_received
        try:
            if not is_repeated:
                await self._authenticate((message.get("payload") or {}).get("Authorization"))
        except CarrelError as error:
            await self.websocket.close(CLOSE_FORBIDDEN, error.message)
            return
        except Exception:
            log.exception("The caller of a websocket cannot be authenticated [%s]", self.context.trace_id)
            await self.websocket.close(CLOSE_INTERNAL_ERROR, INTERNAL_MESSAGE[:MAX_REASON_BYTES])
            return
        await super().handle_connection_init(message)
        if self.connection_acknowledged and not is_repeated and self.context.principal is not None:
            self._start_task(self._close_when_revoked)

    async def handle_pong(self, message: Any) -> None:  # noqa: ARG002
        """Record that the peer answered the last ping."""
        self._pong_received = True

    async def handle_subscribe(self, message: Any) -> None:
        """Start an operation, or refuse it if the connection has too many."""
        max_operations = self.max_subscriptions_per_connection
        if self.connection_acknowledged and max_operations is not None and len(self.operations) >= max_operations:
            await self._refuse(
                message["id"],
                RateLimited(f"A connection can have at most {max_operations} operations at once. End one first."),
            )
        else:
            await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[GraphQLContext, None]) -> None:
        """Run one operation, and count it as a stream of its caller."""
        try:
            with self._host.stream_limiter.slot(self.context.caller_key):
                await super().run_operation(operation)
        except RateLimited as error:
            await operation.send_initial_errors(self._client_errors(error))

    async def _send_result_stream(self, operation: Operation[GraphQLContext, None], result_source: Any) -> None:
        """Send each result; an event's result is serialized once for all of its subscribers."""
        is_first = True
        async for result in result_source:
            if is_first and isinstance(result, PreExecutionError):
                await self._handle_pre_execution_error(operation, result)
                return
            is_first = False
            await operation.send_operation_message({"id": operation.id, "type": "next", "payload": payload(result)})

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        return None  # An error ends its operation only, never the socket.

    async def handle_task_exception(self, error: Exception) -> None:
        """Log an unexpected exception of an operation, other than a disconnect."""
        if not isinstance(error, WebSocketDisconnected):
            log.error("An operation on a websocket failed", exc_info=error)

    async def _authenticate(self, authorization: object) -> None:
        connection: HTTPConnection | None = self.context.connection
        if isinstance(authorization, str) and connection is not None:
            self.context.principal = await self._host.principal_of(with_authorization(connection, authorization))
        elif connection is not None:
            self.context.principal = await self._host.principal_of(connection)

    async def _close_when_revoked(self) -> None:
        if self.context.principal is not None:
            try:
                await self._host.until_revoked(self.context.principal)
            except Exception:
                log.exception("A caller's credential cannot be verified; its socket is closed")
            await self._close_and_stop(
                CLOSE_FORBIDDEN, "You signed out, or your token is no longer valid. Sign in again."
            )

    async def _close_and_stop(self, code: int, reason: str) -> None:
        # Operations end at once, even if the peer never answers the close frame.
        await self.websocket.close(code, reason)
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._host.ping_seconds)
            if not self._pong_received:
                await self._close_and_stop(CLOSE_PING_TIMEOUT, "The last ping was not answered.")
                return
            if self.connection_acknowledged:
                self._pong_received = False
                await self.send_message({"type": "ping"})

    async def _refuse(self, operation_id: str, error: CarrelError) -> None:
        payload = [each.formatted for each in self._client_errors(error)]
        await self.send_message({"id": operation_id, "type": "error", "payload": payload})

    def _client_errors(self, error: CarrelError) -> list[GraphQLError]:
        return log_and_mask([GraphQLError(error.message, original_error=error)], self.context.trace_id)

    def _start_task(self, work: Callable[[], Awaitable[None]]) -> None:
        self._background_tasks.append(asyncio.create_task(_run_until_disconnected(work)))


async def _run_until_disconnected(work: Callable[[], Awaitable[None]]) -> None:
    with suppress(WebSocketDisconnected):
        await work()


def with_authorization(connection: HTTPConnection, authorization: str) -> HTTPConnection:
    """Return a copy of the connection with this Authorization header and without cookies."""
    other_headers = [
        (name, value) for name, value in connection.scope["headers"] if name not in {b"authorization", b"cookie"}
    ]
    headers = [*other_headers, (b"authorization", authorization.encode("latin-1", "replace"))]
    return HTTPConnection({**connection.scope, "headers": headers})


def _message_problem(message: object) -> str | None:
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be a JSON object with a type."
    kind, payload = message["type"], message.get("payload")
    if kind in {"subscribe", "complete"} and not (isinstance(message.get("id"), str) and message["id"]):
        return "The id of an operation must be a string that is not empty."
    if kind == "subscribe":
        return _operation_problem(payload)
    if payload is not None and not isinstance(payload, dict):
        return "A payload must be a JSON object."
    return None


def _operation_problem(payload: object) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "The payload of subscribe must be a JSON object with a query."
    if not isinstance(payload.get("operationName"), str | None):
        return "operationName must be a string or null."
    for key in ("variables", "extensions"):
        if not isinstance(payload.get(key), dict | None):
            return f"{key} must be a JSON object or null."
    return None
