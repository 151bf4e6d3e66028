"""Keep the table of settings in docs/settings.md equal to core.settings: settings_table.py --check or --write."""

import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from core.settings import Settings, variable

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
BEGIN = "<!-- settings: begin (written by `make fmt`) -->"
END = "<!-- settings: end -->"


def main() -> int:
    """Say whether the table is current, or write it; return the exit code."""
    text = PAGE.read_text()
    try:
        wanted = with_table(text)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if "--write" in sys.argv[1:]:
        PAGE.write_text(wanted)
    elif wanted != text:
        print(
            "docs/settings.md does not show the settings as core/settings.py has them; run `make fmt`.", file=sys.stderr
        )
        return 1
    return 0


def with_table(text: str) -> str:
    """Return the text with the table of today between its two markers; ValueError when they are not there."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"docs/settings.md must hold these two lines once, the table goes between them: {BEGIN} {END}")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


def table() -> str:
    """Return the settings as a Markdown table: one row per field, in the order of the code."""
    rows = [f"| `{variable(name)}` | {shown(field)} | {field.description} |" for name, field in fields().items()]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def fields() -> dict[str, FieldInfo]:
    """Return every setting by its name."""
    return dict(Settings.model_fields)


def shown(field: FieldInfo) -> str:
    """Return the default of a field as a reader would type it; nothing when it is empty."""
    default = field.get_default()
    empty = default in (None, "", {}) or isinstance(default, SecretStr)
    return "" if empty else f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    sys.exit(main())
