"""Builds HTTP responses for GraphQL results and refused requests: media type, status and body."""

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.responses import Response

from core.errors import CarrelError, RateLimited, Unauthenticated
from schema.graphql.errors import client_error

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
STATUS_BY_CODE = {"RATE_LIMITED": 429, "INTERNAL": 500}
"""The status of a request error by its code, otherwise 400. It applies to the GraphQL media type.

With application/json only RATE_LIMITED changes the status; other results have 200."""


def negotiate_media_type(accept: str | None) -> str | None:
    """Return the supported media type that `accept` prefers, or None."""
    best, chosen = 0.0, None
    for kind, quality in _preferences(accept or JSON):
        if quality > best and (supported := _supported(kind)):
            best, chosen = quality, supported
    return chosen


def encode_json(value: object) -> bytes:
    """Return `value` as JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # orjson does not support integers beyond 64 bits.
        return json.dumps(value, separators=(",", ":")).encode()


def result_body(
    data: Any, errors: Sequence[GraphQLError] | None, extensions: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the body of a result; without `data` if the request did not run, so that no error has a path."""
    payload: dict[str, Any] = {}
    if errors:
        payload["errors"] = [error.formatted for error in errors]
    if data is not None or any(error.path for error in errors or ()) or not errors:
        payload["data"] = data
    if extensions:
        payload["extensions"] = extensions
    return payload


def result_response(payload: Mapping[str, Any], media: str) -> Response:
    """Return the response with the body of an executed or refused operation."""
    status = 200 if "data" in payload else _status(payload)
    response = _response(payload, media, 200 if media == JSON and status != RateLimited.status else status)
    if status == RateLimited.status:
        _set_retry_after(response, payload["errors"][0]["extensions"].get("retryAfter", 1.0))
    return response


def error_response(error: CarrelError, media: str, trace_id: str) -> Response:
    """Return the response to a request that was refused before its operation was prepared."""
    payload = {"errors": [client_error(GraphQLError(error.message, original_error=error), trace_id).formatted]}
    response = _response(payload, media, error.status)
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = "Bearer"
    if isinstance(error, RateLimited):
        _set_retry_after(response, error.retry_after)
    return response


def _set_retry_after(response: Response, seconds: float) -> None:
    response.headers["retry-after"] = str(max(1, ceil(seconds)))


def _status(payload: Mapping[str, Any]) -> int:
    return STATUS_BY_CODE.get(payload["errors"][0].get("extensions", {}).get("code"), 400)


def _response(payload: Mapping[str, Any], media: str, status: int) -> Response:
    response = Response(encode_json(payload), status, media_type=f"{media}; charset=utf-8")
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


def _supported(kind: str) -> str | None:
    if kind in {"*/*", "application/*"}:
        return JSON
    return kind if kind in {JSON, GRAPHQL, EVENT_STREAM} else None
