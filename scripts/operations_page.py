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

Written by `make fmt` from `operations/`. Each operation is one file there, or comes with an installed package (entry
point `carrel.operations`, see `examples/operation`). An input marked * is ours and not in the wizard description that
the PhotonRanch Datalab had. Why the default is not what that system computes, and how to get its numbers, is in
[record 10](decisions/0010-correct-numbers-by-default.md).

The files of an input run in the order of what they are called: an upload or a URL by its file name, an output of an
operation after those that were asked for before it. No result carries the catalogue (CAT) of its inputs: the positions
would hold on the same pixels, the fluxes would not. Light Curve and Variable Star read frames that come with one.

Results are shared among all who have the same bytes, so what is stored names no file: HISTORY and tables tell of a file
by its label, which is its number and the start of its SHA-256, as in `0003-ab12cd34ef56`; PROVENANCE has the whole
hashes. What is read over the API about an operation (`message`, `log`, `warnings`, `output`) has the names of its own
files, and `inputLabels` says which label stands for which file
([record 16](decisions/0016-share-results-under-labels.md)).
"""


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
