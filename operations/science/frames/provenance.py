"""Provenance of a result: operation, parameters, input hashes and versions, as a table inside the file.

The texts are part of the result's bytes and must not depend on the names of the caller's files.
"""

import json
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from astropy.io import fits

from operations.framework.keys import run_key
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Frame, RunInputs

LIBRARIES = ("numpy", "astropy", "scipy", "reproject", "astroalign", "astroscrappy")
MAX_LISTED_FILES = 20
HISTORY_WIDTH = 65


@cache
def _versions() -> dict[str, str]:
    # Cached: looking up the versions takes longer than a small operation.
    return {name: version(name) for name in LIBRARIES}


def parameters(inputs: RunInputs) -> dict[str, Any]:
    """Return the inputs that are not files."""
    return {key: value for key, value in inputs.values.items() if not _is_files(value)}


def table(operation: type[BaseDataOperation], inputs: RunInputs) -> fits.BinTableHDU:
    """Return the provenance table: a row for each input file, and in its header all else that determines the result.

    Files are identified by number and content, not by name, so that the same bytes give the same table.
    """
    rows = [(key, frame) for key, value in inputs.values.items() if _is_files(value) for frame in value]
    columns = {
        "INPUT": [key for key, _ in rows],
        "SHA256": [frame.sha256 for _, frame in rows],
        "SAID": [json.dumps(_file_parameters(frame), sort_keys=True) for _, frame in rows],
    }
    texts = [_text_column(name, texts) for name, texts in columns.items()]
    number = fits.Column(name="NUMBER", format="J", array=np.arange(1, len(rows) + 1))
    record = fits.BinTableHDU.from_columns([number, *texts])
    record.name = "PROVENANCE"
    record.header["OPNAME"] = (operation.name, "operation")
    record.header["OPVERS"] = (operation.version, "version of its code")
    record.header["OPKEY"] = run_key(operation, inputs)
    record.header["OPPARAM"] = json.dumps(parameters(inputs), sort_keys=True)
    record.header["LIBS"] = json.dumps(_versions())
    return record


def history(operation: type[BaseDataOperation], inputs: RunInputs) -> list[str]:
    """Return the lines added to the HISTORY of the image."""
    frames = inputs.all_frames()
    settings = json.dumps(parameters(inputs), sort_keys=True)
    lines = [f"Carrel: {operation.name}, version {operation.version}, of {len(frames)} files"]
    lines += [f"  {settings[at : at + HISTORY_WIDTH]}" for at in range(0, len(settings), HISTORY_WIDTH)]
    lines += [f"  {ascii_text(frame.basename)}"[:72] for frame in frames[:MAX_LISTED_FILES]]
    if len(frames) > MAX_LISTED_FILES:
        lines.append(f"  and {len(frames) - MAX_LISTED_FILES} more, see the table PROVENANCE")
    return lines


def listed_names(inputs: RunInputs) -> str:
    """Return the names of the first files (in a worker, their labels), for a card."""
    frames = inputs.all_frames()
    more = f" and {len(frames) - MAX_LISTED_FILES} more" if len(frames) > MAX_LISTED_FILES else ""
    return ", ".join(frame.basename for frame in frames[:MAX_LISTED_FILES]) + more


def _file_parameters(frame: Frame) -> dict[str, Any]:
    return {key: value for key, value in frame.parameters.items() if key not in ("source", "basename")}


def _text_column(name: str, texts: list[str]) -> fits.Column:
    encoded = np.array([ascii_text(text) for text in texts])
    return fits.Column(name=name, format=f"{max(encoded.dtype.itemsize // 4, 1)}A", array=encoded)


def ascii_text(text: str) -> str:
    """Return text that FITS can store: characters that are not printable ASCII become escape codes."""
    return text.encode("unicode_escape").decode()


def _is_files(value: Any) -> bool:
    return isinstance(value, tuple)
