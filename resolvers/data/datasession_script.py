"""Exports a data session as a Python script that reproduces its operations with public libraries only."""

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
from operations.framework.runner import build_run_inputs
from resolvers.app_state import AppState
from resolvers.data.dataoperations import list_operations
from resolvers.guards import visible

StepFiles = Mapping[tuple[int, int], str]
HEAD = """# {name}
#
# The computations of this data session, with public libraries only. Run it in a folder with these files:
{files}
"""


async def script(app_state: AppState, principal: Principal, key: int) -> str:
    """Return the script of all operations of a data session that the caller can see, in order of creation."""
    datasession = await visible(datasession_policy.readable(principal), key)
    rows = await policy.readable(principal).filter(datasession_id=key).order_by("id")
    stems = {row.id: _stem(row, number) for number, row in enumerate(rows, 1)}
    step_files: StepFiles = await _step_file_names(principal, rows, stems)
    names: dict[str, str] = {}
    steps = []
    for number, row in enumerate(rows, 1):
        text = await _step_script(app_state, row, stems, step_files, names)
        steps.append(f"\n# {number}. {row.name}, which makes {stems[row.id]}.*\n" + text)
    files = "\n".join(f"# - {name}" for name in sorted(set(names.values()))) or "# - none"
    return HEAD.format(name=datasession.name, files=files) + "\n".join(steps)


def _stem(operation: DataOperation, number: int) -> str:
    return f"{number:02d}-" + re.sub(r"[^a-z0-9]+", "-", operation.name.lower()).strip("-")


async def _step_file_names(
    principal: Principal, rows: Sequence[DataOperation], stems: Mapping[int, str]
) -> Mapping[tuple[int, int], str]:
    """Return the file names that the steps write, by operation id and output index."""
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


async def _step_script(
    app_state: AppState, row: DataOperation, stems: Mapping[int, str], step_files: StepFiles, names: dict[str, str]
) -> str:
    """Return the script of one operation, and add the files that it reads from outside to `names`."""
    kind = (await list_operations()).get(row.name)
    if kind is None:
        return f"# This installation does not have the operation {row.name} any more."
    files = {key for key, parameter in kind.inputs.items() if isinstance(parameter, FilesInput)}
    display_names: dict[str, str] = {}
    for item in (item for key in files for item in row.inputs.get(key) or ()):
        inside = _step_file(item, stems, step_files)
        display_names[_label(item)] = inside or await app_state.sources.get(item["source"]).display_name(
            item["basename"]
        )
        if inside is None:
            names[_label(item)] = display_names[_label(item)]
    frames = {label: Path(name) for label, name in display_names.items()}
    run_inputs = build_run_inputs(
        kind, row.inputs, lambda item: Frame(frames[_label(item)], item["basename"], item["source"], "", dict(item))
    )
    return kind().script(run_inputs, stems[row.id])


def _label(item: Mapping[str, Any]) -> str:
    return f"{item['source']} {item['basename']}"


def _step_file(item: Mapping[str, Any], stems: Mapping[int, str], step_files: StepFiles) -> str | None:
    """Return the file name if an earlier step of the script writes the item, else None."""
    if item["source"] != "datasession":
        return None
    name, _, index = item["basename"].rpartition("-")
    key = global_ids.key_of("DataOperation", name) or 0
    return step_files.get((key, int(index)), f"{stems[key]}.fits") if key in stems else None
