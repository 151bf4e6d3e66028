"""What one operation knows: its caller, where it came from, and what it may read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from starlette.requests import HTTPConnection

from models.principal import Principal
from schema.core.errors import new_trace_id
from schema.core.plan import Clearance


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
    clearance: Clearance | None = field(default=None, init=False)

    def fresh(self) -> Self:
        """Return a context for another operation of the same caller."""
        return replace(self, trace_id=new_trace_id())

    def next_event(self) -> Self:
        """Return a context for the next event of the same operation."""
        following = replace(self)
        following.clearance = self.clearance
        return following
