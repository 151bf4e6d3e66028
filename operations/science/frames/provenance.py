"""Where a result comes from: operation, parameters, input hashes and versions, as a table inside the file."""

import json
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from astropy.io import fits

from operations.framework.keys import given_key
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Frame, Given

LIBRARIES = ("numpy", "astropy", "scipy", "reproject", "astroalign", "astroscrappy")
SHOWN_FILES = 20
CARD = 65


@cache
def _versions() -> dict[str, str]:
    """Return the versions of the libraries; finding them out takes longer than a small operation."""
    return {name: version(name) for name in LIBRARIES}


def parameters(given: Given) -> dict[str, Any]:
    """Return the inputs that are not files."""
    return {key: value for key, value in given.values.items() if not _is_files(value)}


def table(operation: type[BaseDataOperation], given: Given) -> fits.BinTableHDU:
    """Return the record: a row for each input file, and in the header all else that decides the result.

    Files are told by number and content, not by name: the same bytes give the same record, whatever they are called.
    """
    rows = [(key, frame) for key, value in given.values.items() if _is_files(value) for frame in value]
    columns = {
        "INPUT": [key for key, _ in rows],
        "SHA256": [frame.sha256 for _, frame in rows],
        "SAID": [json.dumps(_said(frame), sort_keys=True) for _, frame in rows],
    }
    texts = [_text_column(name, texts) for name, texts in columns.items()]
    number = fits.Column(name="NUMBER", format="J", array=np.arange(1, len(rows) + 1))
    record = fits.BinTableHDU.from_columns([number, *texts])
    record.name = "PROVENANCE"
    record.header["OPNAME"] = (operation.name, "operation")
    record.header["OPVERS"] = (operation.version, "version of its code")
    record.header["OPKEY"] = given_key(operation, given)
    record.header["OPPARAM"] = json.dumps(parameters(given), sort_keys=True)
    record.header["LIBS"] = json.dumps(_versions())
    return record


def history(operation: type[BaseDataOperation], given: Given) -> list[str]:
    """Return what is added to the HISTORY of the image."""
    frames = given.all_frames()
    said = json.dumps(parameters(given), sort_keys=True)
    lines = [f"Carrel: {operation.name}, version {operation.version}, of {len(frames)} files"]
    lines += [f"  {said[at : at + CARD]}" for at in range(0, len(said), CARD)]
    lines += [f"  {ascii_text(frame.basename)}"[:72] for frame in frames[:SHOWN_FILES]]
    if len(frames) > SHOWN_FILES:
        lines.append(f"  and {len(frames) - SHOWN_FILES} more, see the table PROVENANCE")
    return lines


def shown(given: Given) -> str:
    """Return what the first files are called here, as a card may show it: by their labels in a worker."""
    frames = given.all_frames()
    more = f" and {len(frames) - SHOWN_FILES} more" if len(frames) > SHOWN_FILES else ""
    return ", ".join(frame.basename for frame in frames[:SHOWN_FILES]) + more


def _said(frame: Frame) -> dict[str, Any]:
    return {key: value for key, value in frame.parameters.items() if key not in ("source", "basename")}


def _text_column(name: str, texts: list[str]) -> fits.Column:
    encoded = np.array([ascii_text(text) for text in texts])
    return fits.Column(name=name, format=f"{max(encoded.dtype.itemsize // 4, 1)}A", array=encoded)


def ascii_text(text: str) -> str:
    """Return text as FITS can hold it: what is not printable ASCII is written as its code."""
    return text.encode("unicode_escape").decode()


def _is_files(value: Any) -> bool:
    return isinstance(value, tuple)
