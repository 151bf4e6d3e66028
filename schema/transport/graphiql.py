"""Renders the GraphiQL page from files of this server; the page loads nothing from other sites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from core.web.templates import load_templates

PAGE = load_templates(Path(__file__).parent / "templates").get_template("graphiql.html")
NO_BAR = Markup()
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
        self._values = {"config": config, "assets": assets, "styles": STYLES, "scripts": SCRIPTS}

    def page(self, _request: Request, bar: Markup = NO_BAR) -> Response:
        """Return the page, with `bar` above it."""
        headers = {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "cache-control": "no-cache",
        }
        return HTMLResponse(PAGE.render(self._values, bar=bar), headers=headers)


def assets() -> StaticFiles:
    """Return an application that serves the page's files."""
    return StaticFiles(directory=STATIC_FILES)
