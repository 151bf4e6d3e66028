"""Run the storms and print what they found; exits with 1 when a promise was broken.

`python -m bench.chaos [--seed 7] [--launches 100] [--postgres URL] [--only fake|functions|docker] [--keep FOLDER]`.
The database of `--postgres` must be empty.
"""

import argparse
import asyncio
import secrets
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.chaos import chaos_run, docker_run
from bench.chaos.chaos_run import Report
from bench.chaos.faults import Storm
from tests.services.postgres import postgres_server


def main() -> int:
    """Run what was asked for."""
    options = _options()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(TemporaryDirectory(prefix="carrel-chaos-")))
        reports, weather = {}, Storm(launches=options.launches, kills=options.kills, seed=options.seed)
        if options.only in (None, "fake"):
            reports["fake engine"] = asyncio.run(chaos_run.run(weather, folder / "fake", options.postgres))
        if options.only in (None, "functions"):
            reports["fake engine, functions in place of workers"] = _with_functions(weather, folder / "functions")
        if options.only in (None, "docker"):
            reports["Docker"] = asyncio.run(docker_run.run(folder / "docker", options.seed))
    for name, report in reports.items():
        _print(name, report)
    return int(any(report.faults for report in reports.values()))


def _with_functions(weather: Storm, folder: Path) -> Report:
    """Let the storm pass over functions, which know PostgreSQL alone: one of its own."""
    with postgres_server() as server:
        url = asyncio.run(server.create("storm"))
        return asyncio.run(chaos_run.run(replace(weather, with_functions=True), folder, url))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="repeat a storm")
    parser.add_argument("--launches", type=int, default=100, help="on the fake engine (100)")
    parser.add_argument("--kills", type=int, default=10, help="of workers (10)")
    parser.add_argument("--postgres", metavar="URL", help="an empty database; SQLite if not said")
    parser.add_argument("--only", choices=["fake", "functions", "docker"], help="one of the three")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep databases and logs there")
    return parser.parse_args()


def _print(name: str, report: Report) -> None:
    print(f"\n{name}")
    for label, value in report.figures.items():
        print(f"  {label:36}{value:>8}")
    for fault in report.faults:
        print(f"  BROKEN: {fault}")
    print("  everything ended as promised" if not report.faults else f"  {len(report.faults)} promises broken")


if __name__ == "__main__":
    sys.exit(main())
