"""Where files of results are read: GET, by credential or by link, whole or in part."""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from core.errors import NotFound
from core.security import global_ids
from models.data.results import StoredFile
from resolvers.app_state import House
from resolvers.data import results as resolve
from resolvers.data.results import Claim
from schema.http.authentication import Credentials

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
SHOWN = ("image/", "application/json", "text/csv")
"""What a browser may show by itself; all else is saved."""
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def sender_of(house: House, credentials: Credentials) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that gives files of results."""

    async def send(request: Request) -> Response:
        result_id, name = request.path_params["result"], request.path_params["name"]
        key = global_ids.key_of("Result", result_id)
        if key is None:
            raise NotFound
        principal = await credentials.principal_of(request)
        file = await resolve.file_for(house, principal, _claim(request), key, result_id, name)
        return _answer(house, request, file)

    return send


def _claim(request: Request) -> Claim | None:
    query = request.query_params
    if "signature" not in query:
        return None
    return Claim(query.get("for", ""), query.get("until", ""), query["signature"])


def _answer(house: House, request: Request, file: StoredFile) -> Response:
    tag, size = f'"{file["sha256"]}"', file["size"]
    headers = {**HEADERS, "ETag": tag, "Content-Disposition": _disposition(file)}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    part = _part(request.headers.get("range", ""), size) if request.headers.get("if-range", tag) == tag else (0, size)
    if part is None:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = part
    status = 200 if (start, end) == (0, size) else 206
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file["content_type"])
    body = resolve.content(house, file, start, end)
    return StreamingResponse(body, status, headers, media_type=file["content_type"])


def _part(header: str, size: int) -> tuple[int, int] | None:
    """Return the bytes that a Range header asks for; all for one that we do not heed, None for one beyond the end."""
    found = RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", "") or size == 0:
        return 0, size
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    return (start, end) if start < size and start < end else None


def _disposition(file: StoredFile) -> str:
    kind = "inline" if file["content_type"].startswith(SHOWN) else "attachment"
    return f'{kind}; filename="{file["name"]}"'
