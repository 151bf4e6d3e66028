"""Renders the GraphiQL page from files of this server; the page loads nothing from other sites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

STATIC_FILES = Path(__file__).parent.parent / "static" / "graphiql"
STYLES = ("graphiql.min.css", "explorer.css", "carrel.css")
SCRIPTS = (
    "react.production.min.js",
    "react-dom.production.min.js",
    "graphiql.min.js",
    "explorer.umd.js",
    "carrel.js",
)
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Only scripts of this server run. GraphiQL's editor creates style elements, so inline styles are allowed."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="icon" href="data:,">
{styles}
</head>
<body>
{{bar}}
<div id="graphiql">Loading the query page</div>
<script type="application/json" id="config">{config}</script>
{scripts}
</body>
</html>
"""


@dataclass(frozen=True)
class ExplorerTab:
    """A tab that the page opens with; `name` appears as a comment above the query."""

    name: str
    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str]:
        """Return the tab in GraphiQL's format."""
        variables = orjson.dumps(self.variables, option=orjson.OPT_INDENT_2).decode() if self.variables else ""
        return {"query": f"# {self.name}\n{self.query.strip()}\n", "variables": variables}


class Explorer:
    """Renders the page for the GraphQL server at `endpoint`, with the files that `assets()` serves at `assets`."""

    def __init__(self, *, endpoint: str, assets: str, tabs: Sequence[ExplorerTab] = (), title: str = "Carrel") -> None:
        """Prepare the page; only its bar depends on the user."""
        tab_data = [tab.to_dict() for tab in tabs]
        version = sha256(orjson.dumps(tab_data)).hexdigest()[:12]
        config = {"endpoint": endpoint, "tabs": tab_data, "version": version, "title": title}
        self._before, _, self._after = PAGE.format(
            title=escape(title),
            styles="\n".join(f'<link rel="stylesheet" href="{assets}/{name}">' for name in STYLES),
            scripts="\n".join(f'<script src="{assets}/{name}"></script>' for name in SCRIPTS),
            config=orjson.dumps(config).decode().replace("<", "\\u003c"),
        ).partition("{bar}")

    def page(self, _request: Request, bar: str = "") -> Response:
        """Return the page, with the HTML `bar` above it."""
        headers = {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "cache-control": "no-cache",
        }
        return HTMLResponse(f"{self._before}{bar}{self._after}", headers=headers)


def assets() -> StaticFiles:
    """Return an application that serves the page's files."""
    return StaticFiles(directory=STATIC_FILES)
