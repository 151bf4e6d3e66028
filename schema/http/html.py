"""The few pages of the API's own host."""

from html import escape

from core.web.branding import BRAND, MARK, STYLE


def page(title: str, body: str) -> str:
    """Return a whole page; `body` is HTML, `title` is text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · Carrel</title><style>{STYLE}</style></head>'
        f"<body><main>{BRAND}<h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def bar(username: str) -> str:
    """Return the bar above the query page: whose it is, and the way out."""
    return (
        f'<header id="bar"><span class="brand">{MARK}Carrel</span><span>Signed in as <b>{escape(username)}</b></span>'
        '<form method="post" action="/sign-out"><button>Sign out</button></form></header>'
    )
