"""The open-redirect guard of the API and the proxy: which texts from a URL or a form may become a Location header."""

from urllib.parse import quote, urlsplit

PLATFORM_PATH = "/.carrel/"
"""Paths under it are answered by the proxy at every session's host; a container never sees them."""
UNQUOTED = "/?:@!$&'()*+,;=-._~%#[]"


def safe_redirect_path(text: str | None) -> str | None:
    """Return the text, quoted, if it is a path on the same host, otherwise None. A platform path is refused."""
    # Browsers read a backslash as a slash and drop control characters, so both could form `//host`.
    if not text or not text.isprintable() or "\\" in text:
        return None
    if not text.startswith("/") or text.startswith(("//", PLATFORM_PATH)):
        return None
    parts = urlsplit(text)
    return None if parts.scheme or parts.netloc else quote(text, safe=UNQUOTED)
