"""What one operation knows: its caller, where it came from, and what it may read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from graphql import GraphQLError
from opentelemetry.trace import INVALID_SPAN, Span
from starlette.requests import HTTPConnection

from models.accounts.roles import Permission
from models.permissions.principal import Principal
from schema.execution.query_plan import Clearance, Plan
from schema.execution.rate_limiter import Gate, Throttle, caller_key
from schema.graphql.errors import new_trace_id, root_cause
from schema.graphql.permissions import MayNotRead, NeedsCaller

Renew = Callable[[Principal], Awaitable[Principal]]
"""Reads a caller's rights again; Unauthenticated when the credential has ended."""
Note = Callable[[Principal | None, str | None, Mapping[str, tuple[Permission, str]]], Awaitable[None]]
"""Writes down which fields were refused to a caller, or to somebody without a name at an address, and why."""


@dataclass
class Context:
    """The context of one operation. A subclass adds loaders, as fields with `init=False` and a default factory.

    One websocket carries many operations and one subscription many events; each gets a `fresh` context, so that
    no loader of one answers another with what it read before.
    """

    principal: Principal | None = None
    connection: HTTPConnection | None = None
    trace_id: str = field(default_factory=new_trace_id)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    gate: Gate | None = None
    renew: Renew | None = None
    note: Note | None = None
    is_admitted: bool = field(default=False, init=False)
    span: Span = field(default=INVALID_SPAN, init=False)
    throttle: Throttle | None = field(default=None, init=False)
    plan: Plan | None = field(default=None, init=False)
    clearance: Clearance | None = field(default=None, init=False)
    _noted: set[str] = field(default_factory=set, init=False)

    @property
    def caller_key(self) -> str:
        """The name that the caller's operations and streams are counted under: the user, else the address."""
        return caller_key(self.principal.user_id if self.principal else None, self.address)

    @property
    def address(self) -> str | None:
        """The address that the request came from."""
        client = self.connection.client if self.connection else None
        return client.host if client else None

    async def admit(self, cost: int) -> None:
        """Charge the caller for this operation, once; RateLimited when there is not enough left."""
        if not self.is_admitted:
            self.is_admitted = True
            self.throttle = await self.gate.charge(self.caller_key, cost) if self.gate else None

    async def renewed(self) -> None:
        """Read the caller's rights again, and clear the operation's fields by them; the refusal of a root is raised."""
        if self.principal is None or self.renew is None:
            return
        self.principal = await self.renew(self.principal)
        if self.plan is not None:
            self.clearance = self.plan.clearance(self.principal)
            for root in self.plan.roots:
                if refusal := self.clearance.refusals.get(root):
                    raise refusal.with_traceback(None)

    async def note_refusals(self, errors: Sequence[GraphQLError]) -> None:
        """Have the fields that `errors` refuse to the caller written down, each once for this operation."""
        refused: dict[str, tuple[Permission, str]] = {}
        for cause in map(root_cause, errors):
            if isinstance(cause, MayNotRead | NeedsCaller) and cause.permission and cause.field not in self._noted:
                refused[cause.field] = (cause.permission, cause.message)
        self._noted |= refused.keys()
        if refused and self.note is not None:
            await self.note(self.principal, self.address, refused)

    def fresh(self) -> Self:
        """Return a context for another operation of the same caller."""
        return replace(self, trace_id=new_trace_id())

    def next_event(self) -> Self:
        """Return a context for the next event of the same operation."""
        following = replace(self)
        following.plan, following.clearance = self.plan, self.clearance
        return following
