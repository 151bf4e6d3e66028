"""The context of a page: the session that the request is for, and the decision that kept it from being relayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from proxy.access.sessions import CachedDecision, Decision
from proxy.directory import SessionInfo
from proxy.http.headers import without_tokens
from proxy.http.request import ProxyRequest


@dataclass(frozen=True, slots=True)
class PageContext:
    """One request that Starlette answers; `label` is None at a host that belongs to no session."""

    label: str | None
    decision: Decision
    session: SessionInfo | None
    is_navigation: bool
    target: bytes

    @classmethod
    def from_request(cls, request: ProxyRequest, cached: CachedDecision) -> PageContext:
        """Summarize a request and its decision."""
        label = request.host.label.decode() if request.host.label is not None else None
        return cls(label, cached.decision, cached.session, request.is_navigation, without_tokens(request.target))


def context_of(request: Request) -> PageContext:
    """Return the context that the client connection put into the request's scope."""
    return cast("PageContext", request.scope["state"]["page"])
