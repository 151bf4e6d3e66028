"""What the pages know of a request: the session it asked for, and why it was not relayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request as PageRequest

from proxy.access.admission import Pass, Verdict
from proxy.directory import Desk
from proxy.http.headers import without_tokens
from proxy.http.request import Request


@dataclass(frozen=True, slots=True)
class Visit:
    """One request that Starlette answers; `label` is None at a host that is no session's."""

    label: str | None
    verdict: Verdict
    desk: Desk | None
    navigates: bool
    target: bytes

    @classmethod
    def of(cls, request: Request, admitted: Pass) -> Visit:
        """Sum up a request and its verdict."""
        label = request.host.label.decode() if request.host.label is not None else None
        return cls(label, admitted.verdict, admitted.desk, request.navigates, without_tokens(request.target))


def visit_of(request: PageRequest) -> Visit:
    """Return the visit that the protocol put into the request's scope."""
    return cast("Visit", request.scope["state"]["visit"])
