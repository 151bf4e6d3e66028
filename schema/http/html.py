"""HTML of the API's own pages."""

from html import escape

from core.web.branding import BRAND, LOGO_SVG, STYLE


def page(title: str, body: str) -> str:
    """Return a complete page. `body` is HTML, `title` is plain text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · Carrel</title><style>{STYLE}</style></head>'
        f"<body><main>{BRAND}<h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def user_bar(username: str) -> str:
    """Return the bar above GraphiQL with the user name and the sign-out button."""
    return (
        f'<header id="bar"><span class="brand">{LOGO_SVG}Carrel</span>'
        f"<span>Signed in as <b>{escape(username)}</b></span>"
        '<form method="post" action="/sign-out"><button>Sign out</button></form></header>'
    )
