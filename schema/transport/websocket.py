"""graphql-transport-ws, strictly: what the protocol says of messages, ids, errors and who may stay."""

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
from schema.execution.context import Context
from schema.execution.event_cache import payload
from schema.graphql.errors import MASK, treated
from schema.transport.http_request import BODY_LIMIT
from schema.transport.http_response import encoded
from schema.transport.sse import Turnstile

log = logging.getLogger("carrel.graphql")

LONGEST_REASON = 120
TOO_BIG = 1009
ACCIDENT = 1011
FORBIDDEN = 4403
NO_PONG = 4499


class Host(Protocol):
    """What a socket needs of the server."""

    turnstile: Turnstile
    ping_seconds: float

    async def principal_of(self, connection: HTTPConnection, /) -> Principal | None:
        """Say who is calling."""

    async def until_revoked(self, principal: Principal, /) -> object:
        """Return when the caller's credential ends."""


class TextAdapter(ASGIWebSocketAdapter):
    """Sends JSON as text, and survives a peer that has gone."""

    ws: WebSocket

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002
        """Yield each message until the peer goes."""
        while not self._is_closed:
            message = await self.ws.receive()
            if message["type"] == "websocket.disconnect" or self._is_closed:
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > BODY_LIMIT:
                await self.close(TOO_BIG, f"A message has at most {BODY_LIMIT} characters.")
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
            await self.ws.send_text(encoded(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close once; a reason fits into a close frame."""
        if self.ws.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.ws.close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._host = cast("Host", self.view)
        self._watches: list[asyncio.Task[None]] = []
        self._answered = True

    async def handle(self) -> None:
        """Serve the socket until it closes."""
        self._watch(self._ping)
        await super().handle()

    async def shutdown(self) -> None:
        """End everything that the socket began."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await super().shutdown()

    async def handle_message(self, message: Any) -> None:
        """Check the message's form, which the protocol prescribes, before it is handled."""
        fault = _fault(message)
        if fault:
            await self.handle_invalid_message(fault)
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: Any) -> None:
        """Learn who is calling, from the payload's Authorization or else from the handshake."""
        if message.get("payload") is None:
            message = {"type": "connection_init"}
        again = self.connection_init_received
        try:
            if not again:
                await self._identify((message.get("payload") or {}).get("Authorization"))
        except CarrelError as error:
            await self.websocket.close(FORBIDDEN, error.message)
            return
        except Exception:
            log.exception("Who is calling cannot be told [%s]", self.context.trace_id)
            await self.websocket.close(ACCIDENT, MASK[:LONGEST_REASON])
            return
        await super().handle_connection_init(message)
        if self.connection_acknowledged and not again and self.context.principal is not None:
            self._watch(self._leave_when_revoked)

    async def handle_pong(self, message: Any) -> None:  # noqa: ARG002
        """Note that the peer is alive."""
        self._answered = True

    async def handle_subscribe(self, message: Any) -> None:
        """Begin an operation, or say with a code why not."""
        most = self.max_subscriptions_per_connection
        if self.connection_acknowledged and most is not None and len(self.operations) >= most:
            await self._refuse(message["id"], RateLimited(f"At most {most} operations at once on one connection."))
        else:
            await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run one operation, counted for its caller."""
        try:
            with self._host.turnstile.entered(self.context.caller_key):
                await super().run_operation(operation)
        except RateLimited as error:
            await operation.send_initial_errors(self._shown(error))

    async def _send_result_stream(self, operation: Operation[Context, None], result_source: Any) -> None:
        """Send the answers as they come; those of an event that many hear of were written once for all."""
        is_first = True
        async for result in result_source:
            if is_first and isinstance(result, PreExecutionError):
                await self._handle_pre_execution_error(operation, result)
                return
            is_first = False
            await operation.send_operation_message({"id": operation.id, "type": "next", "payload": payload(result)})

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        """Close for no error of an operation: it ends that operation only."""
        return None

    async def handle_task_exception(self, error: Exception) -> None:
        """Log an accident of an operation; that the peer has gone is none."""
        if not isinstance(error, WebSocketDisconnected):
            log.error("An operation ended by accident", exc_info=error)

    async def _identify(self, authorization: object) -> None:
        connection: HTTPConnection | None = self.context.connection
        if isinstance(authorization, str) and connection is not None:
            self.context.principal = await self._host.principal_of(authorized(connection, authorization))
        elif connection is not None:
            self.context.principal = await self._host.principal_of(connection)

    async def _leave_when_revoked(self) -> None:
        if self.context.principal is not None:
            try:
                await self._host.until_revoked(self.context.principal)
            except Exception:
                log.exception("Whether a caller's credential still holds cannot be told; its socket closes")
            await self._leave(FORBIDDEN, "You signed out, or your token ended.")

    async def _leave(self, code: int, reason: str) -> None:
        """Close, and end every operation at once, even if the peer never answers the close."""
        await self.websocket.close(code, reason)
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._host.ping_seconds)
            if not self._answered:
                await self._leave(NO_PONG, "No pong came to the last ping.")
                return
            if self.connection_acknowledged:
                self._answered = False
                await self.send_message({"type": "ping"})

    async def _refuse(self, operation_id: str, error: CarrelError) -> None:
        payload = [each.formatted for each in self._shown(error)]
        await self.send_message({"id": operation_id, "type": "error", "payload": payload})

    def _shown(self, error: CarrelError) -> list[GraphQLError]:
        return treated([GraphQLError(error.message, original_error=error)], self.context.trace_id)

    def _watch(self, work: Callable[[], Awaitable[None]]) -> None:
        self._watches.append(asyncio.create_task(_until_gone(work)))


async def _until_gone(work: Callable[[], Awaitable[None]]) -> None:
    with suppress(WebSocketDisconnected):
        await work()


def authorized(connection: HTTPConnection, authorization: str) -> HTTPConnection:
    """Return the connection as if it had come with this Authorization header, and without cookies."""
    kept = [(name, value) for name, value in connection.scope["headers"] if name not in {b"authorization", b"cookie"}]
    headers = [*kept, (b"authorization", authorization.encode("latin-1", "replace"))]
    return HTTPConnection({**connection.scope, "headers": headers})


def _fault(message: object) -> str | None:
    """Say what is wrong with the form of a message; None when it is right."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is a JSON object with a type."
    kind, payload = message["type"], message.get("payload")
    if kind in {"subscribe", "complete"} and not (isinstance(message.get("id"), str) and message["id"]):
        return "The id of an operation is a text that is not empty."
    if kind == "subscribe":
        return _fault_of_operation(payload)
    if payload is not None and not isinstance(payload, dict):
        return "A payload is a JSON object."
    return None


def _fault_of_operation(payload: object) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "The payload of subscribe is a JSON object with a query."
    if not isinstance(payload.get("operationName"), str | None):
        return "operationName is a text or null."
    for key in ("variables", "extensions"):
        if not isinstance(payload.get(key), dict | None):
            return f"{key} is a JSON object or null."
    return None
