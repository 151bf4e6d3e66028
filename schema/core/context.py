"""What one operation knows: its caller, where it came from, and what it may read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from opentelemetry.trace import INVALID_SPAN, Span
from starlette.requests import HTTPConnection

from models.principal import Principal
from schema.core.errors import new_trace_id
from schema.core.plan import Clearance, Plan
from schema.core.rates import Gate, Throttle, caller_key

Renew = Callable[[Principal], Awaitable[Principal]]
"""Reads a caller's rights again; Unauthenticated when the credential has ended."""


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
    is_admitted: bool = field(default=False, init=False)
    span: Span = field(default=INVALID_SPAN, init=False)
    throttle: Throttle | None = field(default=None, init=False)
    plan: Plan | None = field(default=None, init=False)
    clearance: Clearance | None = field(default=None, init=False)

    @property
    def caller_key(self) -> str:
        """The name that the caller's operations and streams are counted under: the user, else the address."""
        client = self.connection.client if self.connection else None
        return caller_key(self.principal.user_id if self.principal else None, client.host if client else None)

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

    def fresh(self) -> Self:
        """Return a context for another operation of the same caller."""
        return replace(self, trace_id=new_trace_id())

    def next_event(self) -> Self:
        """Return a context for the next event of the same operation."""
        following = replace(self)
        following.plan, following.clearance = self.plan, self.clearance
        return following
