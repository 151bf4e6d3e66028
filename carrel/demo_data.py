"""The demo of data sessions: uploads real and simulated frames and runs operations on them, through the public API."""

import runpy
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from carrel.client import Client, ClientRefused

STARFIELD = Path(__file__).parent.parent / "examples" / "starfield.py"
SERIES = 12
EMPTY = "Empty Data Session"
WORKED = "Real frames and a variable star"
SHIPPED = {
    "gmos.fits": ("astroscrappy", "tests/data/gmos.fits"),
    "m13.fits": ("astropy", "io/fits/hdu/compressed/tests/data/m13.fits"),
    "secchi-a.fits": ("reproject", "tests/data/secchi_l0_a.fits"),
    "secchi-b.fits": ("reproject", "tests/data/secchi_l0_b.fits"),
}
"""Real frames by file name; each with the package that ships it and its path inside the package."""

FIND = """
query($name: String!) {
  viewer { username }
  datasessions(where: {name: {eq: $name}}) {
    nodes { id creator { username } inputData operations(first: 1) { nodes { id } } }
  }
}"""
UPLOAD = """mutation($name: String!) { uploadCreate(filename: $name) { upload { id } url errors { message } } }"""
CREATE = """
mutation($name: String!, $files: JSON!) {
  datasessionCreate(input: {name: $name, inputData: $files}) { datasession { id } errors { message } }
}"""
RUN = """
mutation($session: ID!, $name: String!, $inputs: JSON!) {
  operationCreate(datasessionId: $session, input: {name: $name, inputs: $inputs}) {
    operation { id } errors { message }
  }
}"""
FOLLOW = """subscription($id: ID!) { operationUpdated(id: $id) { state message } }"""

Echo = Callable[[str], None]
Item = Mapping[str, str]


@dataclass(frozen=True)
class DemoObjects:
    """Ids of the demo's data sessions."""

    empty: str
    worked: str


def run(client: Client, echo: Echo) -> DemoObjects:
    """Create two data sessions, one with files only and one with operations; return their ids.

    Data sessions of an earlier run are found by name and reused.
    """
    empty, worked = _find(client, EMPTY), _find(client, WORKED)
    if empty and worked and worked["operations"]["nodes"]:
        return DemoObjects(str(empty["id"]), str(worked["id"]))
    with TemporaryDirectory(prefix="carrel-frames-") as folder:
        series, target = _write_series(Path(folder))
        files = {**_copy_shipped(Path(folder)), **series}
        echo(f"data sessions: sending {len(files)} frames")
        items = {name: _upload(client, path) for name, path in files.items()}
    empty_id = empty["id"] if empty else _create(client, EMPTY, [items[name] for name in SHIPPED][:3])
    worked_id = worked["id"] if worked else _create(client, WORKED, list(items.values()))
    _compute(client, str(worked_id), items, target, echo)
    return DemoObjects(str(empty_id), str(worked_id))


def _find(client: Client, name: str) -> dict[str, Any] | None:
    found = client.ask(FIND, name=name)
    mine = found["viewer"]["username"]
    nodes = found["datasessions"]["nodes"]
    return next((node for node in nodes if (node["creator"] or {}).get("username") == mine), None)


def _copy_shipped(folder: Path) -> dict[str, Path]:
    files = {}
    for name, (package, inside) in SHIPPED.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None or not (Path(spec.origin).parent / inside).exists():
            raise ClientRefused(f"The package {package} has no {inside}; install the locked dependencies.")
        files[name] = Path(shutil.copyfile(Path(spec.origin).parent / inside, folder / name))
    return files


def _write_series(folder: Path) -> tuple[dict[str, Path], dict[str, float]]:
    """Write simulated frames of a variable star (fixed seed); return them with the star's position."""
    starfield = runpy.run_path(str(STARFIELD))
    paths = starfield["write"](folder, SERIES)
    return {path.name: path for path in paths}, starfield["Starfield"]().target


def _upload(client: Client, path: Path) -> Item:
    announced = client.ask(UPLOAD, name=path.name)["uploadCreate"]
    client.put(announced["url"], path)
    return {"source": "upload", "basename": announced["upload"]["id"]}


def _create(client: Client, name: str, files: Sequence[Item]) -> str:
    made = client.ask(CREATE, name=name, files=[{"type": "fitsfile", **item} for item in files])
    return str(made["datasessionCreate"]["datasession"]["id"])


def _compute(client: Client, session: str, items: Mapping[str, Item], target: Mapping[str, float], echo: Echo) -> None:
    """Run one operation of each kind, one of them on the output of another."""

    def create(name: str, **inputs: Any) -> str:
        made = client.ask(RUN, session=session, name=name, inputs=inputs)
        return str(made["operationCreate"]["operation"]["id"])

    series = [{**item, "filter": "rp"} for name, item in items.items() if name.startswith("starfield")]
    pair = [items["secchi-a.fits"], items["secchi-b.fits"]]
    cleaned = create("Cosmic Ray Rejection", input_files=[items["gmos.fits"]])
    operations = {
        "Cosmic Ray Rejection": cleaned,
        "Normalization": create("Normalization", input_files=[{"source": "datasession", "basename": f"{cleaned}-0"}]),
        "Median": create("Median", input_files=pair),
        "Stacking": create("Stacking", input_files=series[:4], stacking_mode="reproject"),
        "Color Image": create(
            "Color Image", color_channels=[{**items["m13.fits"], "color": {"r": 255, "g": 200, "b": 90}}]
        ),
        "Variable Star": create("Variable Star", source=dict(target), input_files=series),
    }
    for name, operation in operations.items():
        for update in client.follow(FOLLOW, id=operation):
            last = update["operationUpdated"]
        echo(f"data session: {name} {last['state'].lower()}")
        if last["state"] != "SUCCEEDED":
            raise ClientRefused(f"{name} of the demo did not succeed: {last['message']}")
