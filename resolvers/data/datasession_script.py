"""A data session as a Python script that does its operations again, with public libraries alone."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.security import global_ids
from models.data.dataoperations import DataOperation
from models.data.results import Result
from models.permissions.principal import Principal
from models.policies.data import dataoperations as policy
from models.policies.data import datasessions as datasession_policy
from models.policies.data import results as result_policy
from operations.framework.inputs import FilesInput
from operations.framework.outcome import Frame
from operations.framework.runner import given_inputs
from resolvers.app_state import House
from resolvers.data.dataoperations import known
from resolvers.guards import visible

Made = Mapping[tuple[int, int], str]
HEAD = """# {name}
#
# What this data session computed, step by step, with public libraries. Run it in a folder that has these files:
{files}
"""


async def script(house: House, principal: Principal, key: int) -> str:
    """Return the script of all operations of a data session that the caller may see, in the order of their making."""
    datasession = await visible(datasession_policy.readable(principal), key)
    rows = await policy.readable(principal).filter(datasession_id=key).order_by("id")
    stems = {row.id: _stem(row, number) for number, row in enumerate(rows, 1)}
    made: Made = await _made_files(principal, rows, stems)
    names: dict[str, str] = {}
    steps = []
    for number, row in enumerate(rows, 1):
        text = await _text(house, row, stems, made, names)
        steps.append(f"\n# {number}. {row.name}, which makes {stems[row.id]}.*\n" + text)
    files = "\n".join(f"# - {name}" for name in sorted(set(names.values()))) or "# - none"
    return HEAD.format(name=datasession.name, files=files) + "\n".join(steps)


def _stem(operation: DataOperation, number: int) -> str:
    return f"{number:02d}-" + re.sub(r"[^a-z0-9]+", "-", operation.name.lower()).strip("-")


async def _made_files(
    principal: Principal, rows: Sequence[DataOperation], stems: Mapping[int, str]
) -> Mapping[tuple[int, int], str]:
    """Return what the steps call the files that they make, by operation and output."""
    found = {row.id: row for row in await _results(principal, rows)}
    return {
        (row.id, file["index"]): stems[row.id] + file["name"].removeprefix("result")
        for row in rows
        if row.result_id in found
        for file in found[row.result_id].files
        if file["kind"] == "fits"
    }


async def _results(principal: Principal, rows: Sequence[DataOperation]) -> Sequence[Result]:
    keys = [row.result_id for row in rows if row.result_id is not None]
    return await result_policy.readable(principal).filter(id__in=keys)


async def _text(house: House, row: DataOperation, stems: Mapping[int, str], made: Made, names: dict[str, str]) -> str:
    """Return the script of one operation; `names` gathers the files from outside."""
    kind = (await known()).get(row.name)
    if kind is None:
        return f"# This installation does not know {row.name} any more."
    files = {key for key, given in kind.inputs.items() if isinstance(given, FilesInput)}
    called: dict[str, str] = {}
    for item in (item for key in files for item in row.inputs.get(key) or ()):
        inside = _made(item, stems, made)
        called[_label(item)] = inside or await house.sources.named(item["source"]).called(item["basename"])
        if inside is None:
            names[_label(item)] = called[_label(item)]
    frames = {label: Path(name) for label, name in called.items()}
    given = given_inputs(
        kind, row.inputs, lambda item: Frame(frames[_label(item)], item["basename"], item["source"], "", dict(item))
    )
    return kind().script(given, stems[row.id])


def _label(item: Mapping[str, Any]) -> str:
    return f"{item['source']} {item['basename']}"


def _made(item: Mapping[str, Any], stems: Mapping[int, str], made: Made) -> str | None:
    """Return the file that an earlier step of the script makes, if it is one of those."""
    if item["source"] != "datasession":
        return None
    name, _, index = item["basename"].rpartition("-")
    key = global_ids.key_of("DataOperation", name) or 0
    return made.get((key, int(index)), f"{stems[key]}.fits") if key in stems else None
