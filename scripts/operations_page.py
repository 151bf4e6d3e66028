"""Keep docs/operations.md equal to the operations as the code has them: operations_page.py --check or --write."""

import inspect
import math
import sys
from pathlib import Path

from operations.framework.inputs import FilesInput, Input, NumberInput, SelectInput, StringInput, TargetPositionsInput
from operations.framework.operation import BaseDataOperation
from operations.framework.registry import builtin_operations

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations.md"
HEAD = """# Data operations

`make fmt` writes this page from `operations/`. Each operation is one file there, or comes with an installed package (entry
point `carrel.operations`, see `examples/operation`). An input marked * does not exist in the PhotonRanch Datalab's wizard.
The default differs from what that system computes; [record 10](decisions/0010-correct-numbers-by-default.md) says why, and
how to get its numbers.

The files of an input run in the order of their names: uploads and URLs by file name, then outputs of operations in the
order of their requests. No result carries the catalog (CAT) of its inputs: the positions would still be correct, the fluxes
would not. Light Curve and Variable Star read frames that come with a catalog.

All users with the same bytes share a result, so stored files contain no file names. HISTORY and tables use labels: the
number of a file and the start of its SHA-256, as in `0003-ab12cd34ef56`. PROVENANCE has the whole hashes. The API shows the
caller's own file names in `message`, `log`, `warnings` and `output`; `inputLabels` maps labels to names
([record 16](decisions/0016-share-results-under-labels.md)).
"""  # noqa: E501 - the lines are those of the page


def main() -> int:
    """Say whether the page is current, or write it; return the exit code."""
    wanted = page()
    if "--write" in sys.argv[1:]:
        PAGE.write_text(wanted)
    elif not PAGE.exists() or PAGE.read_text() != wanted:
        print("docs/operations.md does not show the operations as the code has them; run `make fmt`.", file=sys.stderr)
        return 1
    return 0


def page() -> str:
    """Return the page: every operation of the house in order of its name."""
    operations = sorted(builtin_operations(), key=lambda operation: operation.name)
    return "\n".join([HEAD, *map(section, operations)])


def section(operation: type[BaseDataOperation]) -> str:
    """Return what an operation says of itself, and its inputs as a table."""
    rows = [f"| `{key}`{'*' if given.advanced else ''} | {row(given)} |" for key, given in operation.inputs.items()]
    about = " ".join((inspect.getdoc(operation) or "").split())
    table = "\n".join(["| input | kind | allowed | default | meaning |", "|---|---|---|---|---|", *rows])
    return f"## {operation.name}\n\n{operation.description} {about}\n\nVersion {operation.version}.\n\n{table}\n"


def row(given: Input) -> str:
    """Return the cells of an input behind its key."""
    default = given.default_value()
    shown = "" if default is None else f"`{default}`"
    when = "".join(f" Only with {key} {' or '.join(words)}." for key, words in given.only_when.items())
    return f"{given.kind} | {allowed(given)} | {shown} | {given.name}: {given.description}{when}"


def allowed(given: Input) -> str:
    """Return what an input takes, in few words."""
    if isinstance(given, FilesInput):
        least = given.minimum if given.required else 0
        filters = f", filters {' '.join(given.filter_options)}" if given.filter_options else ""
        return f"{least} to {given.maximum} files{', one filter' if given.single_filter else ''}{filters}"
    if isinstance(given, SelectInput):
        return ", ".join(given.options)
    if isinstance(given, NumberInput):
        low, high = (f"{end:g}" if math.isfinite(end) else "any" for end in (given.minimum, given.maximum))
        return f"{low} to {high} {given.unit}".strip()
    if isinstance(given, TargetPositionsInput):
        return f"{given.minimum} to {given.maximum} of ra, dec{', mjd' if given.timed else ''}"
    if isinstance(given, StringInput):
        return f"at most {given.max_length} characters"
    return "ra, dec in degrees"


if __name__ == "__main__":
    sys.exit(main())
