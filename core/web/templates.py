"""Jinja2 templates of the API's and the proxy's HTML pages, with the style and logo of `core.web.branding`.

A template escapes every value that is not `Markup`, and fails at a value that is missing.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.web.branding import BRAND, LOGO_SVG, STYLE


def load_templates(folder: Path) -> Environment:
    """Return the templates of `folder`; they are read once and never again."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"style": Markup(STYLE), "brand": Markup(BRAND), "logo": Markup(LOGO_SVG)}  # noqa: S704 - our own files
    return environment
