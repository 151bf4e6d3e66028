"""The query page: GraphiQL from our own files, with nothing loaded from elsewhere."""

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

FILES = Path(__file__).parent.parent / "static" / "graphiql"
STYLES = ("graphiql.min.css", "explorer.css", "carrel.css")
SCRIPTS = (
    "react.production.min.js",
    "react-dom.production.min.js",
    "graphiql.min.js",
    "explorer.umd.js",
    "carrel.js",
)
POLICY = "; ".join(
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
"""Scripts come from our files only; GraphiQL's editor writes style elements, which is all that inline means here."""

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
class Tab:
    """One tab that the page opens with; `name` is shown as a comment above the query."""

    name: str
    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, str]:
        """Return the tab as GraphiQL takes it."""
        variables = orjson.dumps(self.variables, option=orjson.OPT_INDENT_2).decode() if self.variables else ""
        return {"query": f"# {self.name}\n{self.query.strip()}\n", "variables": variables}


class Explorer:
    """Renders the page for the GraphQL server at `endpoint`, with the files that `assets()` serves at `assets`."""

    def __init__(self, *, endpoint: str, assets: str, tabs: Sequence[Tab] = (), title: str = "Carrel") -> None:
        """Prepare the page; but for its bar it is the same for everybody."""
        shown = [tab.shown() for tab in tabs]
        version = sha256(orjson.dumps(shown)).hexdigest()[:12]
        config = {"endpoint": endpoint, "tabs": shown, "version": version, "title": title}
        self._before, _, self._after = PAGE.format(
            title=escape(title),
            styles="\n".join(f'<link rel="stylesheet" href="{assets}/{name}">' for name in STYLES),
            scripts="\n".join(f'<script src="{assets}/{name}"></script>' for name in SCRIPTS),
            config=orjson.dumps(config).decode().replace("<", "\\u003c"),
        ).partition("{bar}")

    def page(self, _request: Request, bar: str = "") -> Response:
        """Answer with the page; `bar` is HTML that stands above it."""
        headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
        return HTMLResponse(f"{self._before}{bar}{self._after}", headers=headers)


def assets() -> StaticFiles:
    """Return the application that serves the page's files."""
    return StaticFiles(directory=FILES)
