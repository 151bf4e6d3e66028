"""The endpoint that serves result files by token or signed link, with ETags and byte ranges."""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from core.errors import NotFound
from core.security import global_ids
from models.data.results import StoredFile
from resolvers.app_state import AppState
from resolvers.data import results as resolve
from resolvers.data.results import SignedLink
from schema.http.authentication import RequestAuthenticator

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
INLINE_TYPES = ("image/", "application/json", "text/csv")
"""The media types that browsers display inline. All others are downloaded."""
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def result_file_endpoint(
    app_state: AppState, authenticator: RequestAuthenticator
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that serves result files."""

    async def endpoint(request: Request) -> Response:
        result_id, name = request.path_params["result"], request.path_params["name"]
        key = global_ids.key_of("Result", result_id)
        if key is None:
            raise NotFound
        principal = await authenticator.principal_of(request)
        file = await resolve.get_file(app_state, principal, _link_claim(request), key, result_id, name)
        return _file_response(app_state, request, file)

    return endpoint


def _link_claim(request: Request) -> SignedLink | None:
    query = request.query_params
    if "signature" not in query:
        return None
    return SignedLink(query.get("for", ""), query["signature"])


def _file_response(app_state: AppState, request: Request, file: StoredFile) -> Response:
    tag, size = f'"{file["sha256"]}"', file["size"]
    headers = {**HEADERS, "ETag": tag, "Content-Disposition": _disposition(file)}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    # If-Range with another ETag means that the client's part is outdated: send the whole file.
    byte_range = (
        _byte_range(request.headers.get("range", ""), size)
        if request.headers.get("if-range", tag) == tag
        else (0, size)
    )
    if byte_range is None:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = byte_range
    status = 200 if (start, end) == (0, size) else 206
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file["content_type"])
    body = resolve.read(app_state, file, start, end)
    return StreamingResponse(body, status, headers, media_type=file["content_type"])


def _byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the byte range of a Range header: the whole file if it is not supported, None if it is out of bounds."""
    match = RANGE.fullmatch(header.strip())
    # RFC 9110 lets a server ignore a Range header, for example one with several ranges.
    if match is None or match.groups() == ("", "") or size == 0:
        return 0, size
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    return (start, end) if start < size and start < end else None


def _disposition(file: StoredFile) -> str:
    kind = "inline" if file["content_type"].startswith(INLINE_TYPES) else "attachment"
    return f'{kind}; filename="{file["name"]}"'
