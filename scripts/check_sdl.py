"""Compare the committed schema/schema.graphql with the schema that the code makes: check_sdl.py [--write]."""

import difflib
import sys
from pathlib import Path

from schema.core.sdl import print_sdl
from schema.root import schema

SNAPSHOT = Path(__file__).resolve().parents[1] / "schema" / "schema.graphql"


def main() -> int:
    """Print how the two differ and return 1, or write the snapshot."""
    made = print_sdl(schema).rstrip() + "\n"
    if "--write" in sys.argv[1:]:
        SNAPSHOT.write_text(made)
        return 0
    kept = SNAPSHOT.read_text() if SNAPSHOT.is_file() else ""
    if made == kept:
        return 0
    difference = difflib.unified_diff(
        kept.splitlines(), made.splitlines(), "committed", "made by the code", lineterm=""
    )
    print("\n".join(difference))
    print("The schema changed: look at the difference, then keep it with `make fmt`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
