"""How answers leave over HTTP: media type, status and body; one table for the statuses."""

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.responses import Response

from core.errors import CarrelError, RateLimited, Unauthenticated
from schema.graphql.errors import shown

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
STATUS = {"RATE_LIMITED": 429, "INTERNAL": 500}
"""The status of a request error by its code, for clients that know the GraphQL media type; 400 for all others.

Whoever asks too often is told so by the status under every media type."""


def media_type(accept: str | None) -> str | None:
    """Return the media type that `accept` likes best; None when we have none of them."""
    best, chosen = 0.0, None
    for kind, quality in _preferences(accept or JSON):
        if quality > best and (ours := _ours(kind)):
            best, chosen = quality, ours
    return chosen


def encoded(value: object) -> bytes:
    """Return `value` as JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # orjson takes no integers beyond 64 bits.
        return json.dumps(value, separators=(",", ":")).encode()


def body(data: Any, errors: Sequence[GraphQLError] | None, extensions: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the body of a result; the errors of a request that never ran have no path, and then there is no data."""
    answer: dict[str, Any] = {}
    if errors:
        answer["errors"] = [error.formatted for error in errors]
    if data is not None or any(error.path for error in errors or ()) or not errors:
        answer["data"] = data
    if extensions:
        answer["extensions"] = extensions
    return answer


def result(answer: Mapping[str, Any], media: str) -> Response:
    """Return the response that carries an executed or refused operation."""
    status = 200 if "data" in answer else _status(answer)
    response = _response(answer, media, 200 if media == JSON and status != RateLimited.status else status)
    if status == RateLimited.status:
        _ask_to_wait(response, answer["errors"][0]["extensions"].get("retryAfter", 1.0))
    return response


def refusal(error: CarrelError, media: str, trace_id: str) -> Response:
    """Return the response to a request that was refused before it could be an operation."""
    answer = {"errors": [shown(GraphQLError(error.message, original_error=error), trace_id).formatted]}
    response = _response(answer, media, error.status)
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = "Bearer"
    if isinstance(error, RateLimited):
        _ask_to_wait(response, error.retry_after)
    return response


def _ask_to_wait(response: Response, seconds: float) -> None:
    response.headers["retry-after"] = str(max(1, ceil(seconds)))


def _status(answer: Mapping[str, Any]) -> int:
    return STATUS.get(answer["errors"][0].get("extensions", {}).get("code"), 400)


def _response(answer: Mapping[str, Any], media: str, status: int) -> Response:
    response = Response(encoded(answer), status, media_type=f"{media}; charset=utf-8")
    response.headers["vary"] = "Accept"
    return response


def _preferences(accept: str) -> list[tuple[str, float]]:
    parts = [part.split(";") for part in accept.split(",")]
    return [(kind.strip().lower(), _quality(parameters)) for kind, *parameters in parts]


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _ours(kind: str) -> str | None:
    if kind in {"*/*", "application/*"}:
        return JSON
    return kind if kind in {JSON, GRAPHQL, EVENTS} else None
