"""The context of every GraphQL operation: its caller, its connection, the fields that the caller may read, its loaders.

`GraphQLContext` is all that execution and transport need; `Context` adds the app state for the resolvers.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from graphql import GraphQLError
from opentelemetry.trace import INVALID_SPAN, Span
from starlette.requests import HTTPConnection
from strawberry.types.info import Info as StrawberryInfo

from models.accounts.roles import Permission
from models.permissions.principal import Principal
from resolvers.app_state import AppState
from resolvers.guards import require_principal
from resolvers.loaders.request_loaders import Loaders
from schema.execution.query_plan import FieldAccess, Plan
from schema.execution.rate_limiter import RateLimiter, RateLimitStatus, caller_key
from schema.graphql.errors import new_trace_id, root_cause
from schema.graphql.permissions import FieldForbidden, SignInRequired

ReloadPrincipal = Callable[[Principal], Awaitable[Principal]]
"""Returns the caller with its current permissions; raises Unauthenticated if the credential is no longer valid."""
OnRefused = Callable[[Principal | None, str | None, Mapping[str, tuple[Permission, str]]], Awaitable[None]]
"""Records refused fields with their reasons, given the caller or, if not signed in, the address."""


@dataclass
class GraphQLContext:
    """The context of one operation. A subclass adds loaders, as fields with `init=False` and a default factory.

    Each operation of a websocket and each event of a subscription gets a context of its own, so that loaders never
    return rows that were read for an earlier one.
    """

    principal: Principal | None = None
    connection: HTTPConnection | None = None
    trace_id: str = field(default_factory=new_trace_id)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    rate_limiter: RateLimiter | None = None
    reload_principal: ReloadPrincipal | None = None
    on_refused: OnRefused | None = None
    is_charged: bool = field(default=False, init=False)
    span: Span = field(default=INVALID_SPAN, init=False)
    rate_limit_status: RateLimitStatus | None = field(default=None, init=False)
    plan: Plan | None = field(default=None, init=False)
    field_access: FieldAccess | None = field(default=None, init=False)
    _reported_fields: set[str] = field(default_factory=set, init=False)

    @property
    def caller_key(self) -> str:
        """The key that the caller's operations and streams are counted under: the user, otherwise the address."""
        return caller_key(self.principal.user_id if self.principal else None, self.address)

    @property
    def address(self) -> str | None:
        """The address that the request came from."""
        client = self.connection.client if self.connection else None
        return client.host if client else None

    async def charge(self, cost: int) -> None:
        """Charge the caller for this operation, only once; raise RateLimited if too little is left."""
        if not self.is_charged:
            self.is_charged = True
            self.rate_limit_status = (
                await self.rate_limiter.charge(self.caller_key, cost) if self.rate_limiter else None
            )

    async def refresh_access(self) -> None:
        """Reload the caller's permissions and decide the operation's fields anew; raise the refusal of a root field."""
        if self.principal is None or self.reload_principal is None:
            return
        self.principal = await self.reload_principal(self.principal)
        if self.plan is not None:
            self.field_access = self.plan.access_for(self.principal)
            for root in self.plan.roots:
                if refusal := self.field_access.refusals.get(root):
                    # Refusals are cached with the plan: drop the traceback of an earlier raise.
                    raise refusal.with_traceback(None)

    async def report_refusals(self, errors: Sequence[GraphQLError]) -> None:
        """Record the fields that `errors` refuse to the caller, each once for this operation."""
        refused: dict[str, tuple[Permission, str]] = {}
        for cause in map(root_cause, errors):
            if (
                isinstance(cause, FieldForbidden | SignInRequired)
                and cause.permission
                and cause.field not in self._reported_fields
            ):
                refused[cause.field] = (cause.permission, cause.message)
        self._reported_fields |= refused.keys()
        if refused and self.on_refused is not None:
            await self.on_refused(self.principal, self.address, refused)

    def for_new_operation(self) -> Self:
        """Return a context for another operation of the same caller."""
        return replace(self, trace_id=new_trace_id())

    def for_next_event(self) -> Self:
        """Return a context for the next event of the same operation."""
        following = replace(self)  # Resets the fields with init=False, such as loaders.
        following.plan, following.field_access = self.plan, self.field_access
        return following


@dataclass
class Context(GraphQLContext):
    """The `info.context` of every resolver."""

    app_state: AppState = field(kw_only=True)
    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def caller(self) -> Principal:
        """The caller; Unauthenticated if there is none."""
        return require_principal(self.principal)

    @property
    def loaders(self) -> Loaders:
        """The loaders of this operation, with the caller's permissions."""
        if self._loaders is None:
            self._loaders = Loaders(self.caller)
        return self._loaders


Info = StrawberryInfo[Context, None]


def as_graphql(rows: object) -> Any:
    """Return rows of a table as the GraphQL type of the field. Strawberry resolves fields from the row's attributes."""
    return rows
