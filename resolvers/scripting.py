"""A data session as a Python script that does its operations again, with public libraries alone."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import opaque
from models.dataoperations import DataOperation
from models.policies import dataoperations as policy
from models.policies import datasessions as datasession_policy
from models.principal import Principal
from operations.inputs import FilesInput
from operations.outcome import Frame
from operations.registry import available
from operations.running import given_inputs
from resolvers.guards import visible
from resolvers.house import House

HEAD = '''"""{name}

What this data session computed, step by step, with public libraries. Run it in a folder that has these files:
{files}
"""
'''


async def script(house: House, principal: Principal, key: int) -> str:
    """Return the script of all operations of a data session that the caller may see, in the order of their making."""
    datasession = await visible(datasession_policy.readable(principal), key)
    rows = await policy.readable(principal).filter(datasession_id=key).order_by("id")
    stems = {row.id: _stem(row, number) for number, row in enumerate(rows, 1)}
    names: dict[str, str] = {}
    steps = []
    for number, row in enumerate(rows, 1):
        text = await _text(house, row, stems, names)
        steps.append(f"\n# {number}. {row.name}, which makes {stems[row.id]}.*\n" + text)
    files = "\n".join(f"- {name}" for name in sorted(set(names.values()))) or "- none"
    return HEAD.format(name=datasession.name.replace('"""', "'''"), files=files) + "\n".join(steps)


def _stem(operation: DataOperation, number: int) -> str:
    return f"{number:02d}-" + re.sub(r"[^a-z0-9]+", "-", operation.name.lower()).strip("-")


async def _text(house: House, row: DataOperation, stems: Mapping[int, str], names: dict[str, str]) -> str:
    """Return the script of one operation; `names` gathers the files from outside."""
    kind = available().get(row.name)
    if kind is None:
        return f"# This installation does not know {row.name} any more."
    files = {key for key, given in kind.inputs.items() if isinstance(given, FilesInput)}
    called: dict[str, str] = {}
    for item in (item for key in files for item in row.inputs.get(key) or ()):
        called[_label(item)] = _made(item, stems) or await house.sources.named(item["source"]).called(item["basename"])
        if _made(item, stems) is None:
            names[_label(item)] = called[_label(item)]
    frames = {label: Path(name) for label, name in called.items()}
    given = given_inputs(
        kind, row.inputs, lambda item: Frame(frames[_label(item)], item["basename"], item["source"], "", dict(item))
    )
    return kind().script(given, stems[row.id])


def _label(item: Mapping[str, Any]) -> str:
    return f"{item['source']} {item['basename']}"


def _made(item: Mapping[str, Any], stems: Mapping[int, str]) -> str | None:
    """Return the file that an earlier step of the script makes, if it is one of those."""
    name, _, index = item["basename"].rpartition("-")
    stem = stems.get(opaque.key_of("DataOperation", name) or 0) if item["source"] == "datasession" else None
    return None if stem is None else f"{stem}.fits" if index == "0" else f"{stem}-{index}.fits"
