"""HTML of the API's own pages, from the templates beside this module."""

from pathlib import Path

from markupsafe import Markup

from core.web.templates import load_templates

TEMPLATES = load_templates(Path(__file__).parent / "templates")


def sign_in_form(redirect_to: str, problem: str | None = None) -> str:
    """Return the sign-in page; `problem` says why the last attempt failed."""
    return TEMPLATES.get_template("sign_in.html").render(title="Sign in", redirect_to=redirect_to, problem=problem)


def message_page(title: str, message: str) -> str:
    """Return a page with one sentence."""
    return TEMPLATES.get_template("message.html").render(title=title, message=message)


def user_bar(username: str) -> Markup:
    """Return the bar above GraphiQL with the user name and the sign-out button."""
    return Markup(TEMPLATES.get_template("user_bar.html").render(username=username))  # noqa: S704 - escaped by the template
