"""Compare schema/schema.graphql with what the code makes, and with what clients know: check_sdl.py [--write]."""

import difflib
import sys
from datetime import UTC, datetime
from pathlib import Path

from schema.graphql.sdl import print_sdl
from schema.root import schema
from scripts.sdl_base import accepted, published
from scripts.sdl_changes import announced, refused

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = ROOT / "schema" / "schema.graphql"
ACCEPTED = ROOT / "schema" / "accepted.txt"
"""One coordinate a line, and why: what is changed on purpose all the same, for a reviewer to see."""


def main() -> int:
    """Return 1 when the snapshot is stale, or differs from the published one in what clients rely on."""
    made = print_sdl(schema).rstrip() + "\n"
    if "--write" in sys.argv[1:]:
        SNAPSHOT.write_text(made)
        return 0
    kept = SNAPSHOT.read_text() if SNAPSHOT.is_file() else ""
    return max(_report_difference(kept, made), _report_breaches(published(ROOT, f"schema/{SNAPSHOT.name}"), made))


def _report_difference(kept: str, made: str) -> int:
    if made == kept:
        return 0
    difference = difflib.unified_diff(
        kept.splitlines(), made.splitlines(), "committed", "made by the code", lineterm=""
    )
    print("\n".join(difference))
    print("The schema changed: look at the difference, then keep it with `make fmt`.", file=sys.stderr)
    return 1


def _report_breaches(old: str | None, made: str) -> int:
    if old is None:
        return 0
    for sentence in announced(old, made):
        print(f"To be announced: {sentence}")
    known = accepted(ACCEPTED)
    breaches = [each for each in refused(old, made, datetime.now(UTC).date()) if each.where not in known]
    for breach in breaches:
        print(f"{breach.where}: {breach.sentence}", file=sys.stderr)
    if breaches:
        print(
            'Clients rely on this. Deprecate it first: @deprecated(reason: "Use x. Removal: YYYY-MM-DD."), half a year '
            f"ahead; or write the coordinate and why into schema/{ACCEPTED.name}.",
            file=sys.stderr,
        )
    return int(bool(breaches))


if __name__ == "__main__":
    sys.exit(main())
