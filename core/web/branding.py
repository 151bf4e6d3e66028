"""The style and logo of Carrel's HTML pages, shared by the API and the proxy."""

from pathlib import Path

STYLE = (Path(__file__).parent / "branding.css").read_text("utf-8")
LOGO_SVG = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" '
    'aria-hidden="true"><path d="M3 21V5a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v16M3 13h18M7 13V8h6v5M16 13l1-5"/></svg>'
)
"""A reading desk with sides, a book and a lamp."""
BRAND = f'<p class="brand">{LOGO_SVG}Carrel</p>'
