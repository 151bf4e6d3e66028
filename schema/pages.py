"""The few plain pages of the API's own host."""

from html import escape

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c2733;background:#f4f2ee;margin:0;display:grid;place-items:center;
min-height:100vh}
main{background:#fff;padding:2rem 2.5rem;border-radius:.75rem;box-shadow:0 1px 8px #0002;width:min(22rem,90vw)}
h1{font-size:1.3rem;margin:0 0 1rem}
label{display:block;margin:.75rem 0}
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:1px solid #b9c0c8;
border-radius:.4rem}
button{font:inherit;padding:.55rem 1.2rem;border:0;border-radius:.4rem;background:#1f5f8b;color:#fff;cursor:pointer}
[role=alert]{background:#fdecea;color:#7a1f16;padding:.6rem .8rem;border-radius:.4rem}
"""


def page(title: str, body: str) -> str:
    """Return a whole page; `body` is HTML, `title` is text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · Carrel</title><style>{STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
