"""Protection against cross-site request forgery: one check for each kind of request that a browser sends by itself.

The checks read headers only, so that sign-in, authentication and the GraphQL transport share them.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from core.errors import Forbidden

CSRF_HEADERS = ("x-carrel-csrf", "graphql-require-preflight", "apollo-require-preflight")
"""Headers that a page of another site can send only after a CORS preflight."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_SITE = (None, "same-origin", "none")
"""Values of Sec-Fetch-Site that are accepted: absent in old browsers, `none` if the user typed the address."""


def check_form(headers: Mapping[str, str]) -> None:
    """Refuse a form that another site sent. Old browsers and programs send neither of the two headers."""
    if not _is_same_site(headers):
        raise Forbidden("This form was sent from another site. Open the sign-in page of this host.")


def check_cookie_request(method: str, headers: Mapping[str, str]) -> None:
    """Refuse a change that another site may have sent with the browser cookie. Browsers block cross-site reads."""
    if method in SAFE_METHODS:
        return
    is_marked = headers.get("sec-fetch-site") is not None or has_csrf_header(headers)
    if not is_marked or not _is_same_site(headers):
        raise Forbidden("With a cookie, changes require the header X-Carrel-CSRF and a same-origin request.")


def check_simple_request(headers: Mapping[str, str], *, only_with_cookie: bool) -> None:
    """Refuse a GraphQL request that a page of another site could send without a CORS preflight."""
    if has_csrf_header(headers) or headers.get("authorization"):
        return
    if only_with_cookie and "cookie" not in headers:
        return
    raise Forbidden(
        "This request could come from another site. Send the header X-Carrel-CSRF: 1, or use POST with JSON."
    )


def has_csrf_header(headers: Mapping[str, str]) -> bool:
    """Return whether a header shows that the request passed a CORS preflight or came from the same origin."""
    return any(headers.get(name) for name in CSRF_HEADERS)


def _is_same_site(headers: Mapping[str, str]) -> bool:
    if headers.get("sec-fetch-site") not in SAME_SITE:
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:
        return False
