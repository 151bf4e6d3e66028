"""Runs the chaos runs and prints their reports; exits with 1 when a run found a violation.

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

from bench.chaos import chaos_run, real_engine
from bench.chaos.chaos_run import Report
from bench.chaos.faults import ChaosPlan
from tests.services.postgres import postgres_server


def main() -> int:
    """Run the selected chaos runs."""
    options = _options()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(TemporaryDirectory(prefix="carrel-chaos-")))
        reports, plan = {}, ChaosPlan(launches=options.launches, kills=options.kills, seed=options.seed)
        if options.only in (None, "fake"):
            reports["fake engine"] = asyncio.run(chaos_run.run(plan, folder / "fake", options.postgres))
        if options.only in (None, "functions"):
            reports["fake engine, functions in place of workers"] = _with_functions(plan, folder / "functions")
        if options.only in (None, "docker"):
            reports["Docker"] = asyncio.run(real_engine.run(folder / "docker", options.seed))
    for name, report in reports.items():
        _print(name, report)
    return int(any(report.violations for report in reports.values()))


def _with_functions(plan: ChaosPlan, folder: Path) -> Report:
    """Run with functions, in a new PostgreSQL, because functions cannot use SQLite."""
    with postgres_server() as server:
        url = asyncio.run(server.create("chaos"))
        return asyncio.run(chaos_run.run(replace(plan, with_functions=True), folder, url))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="repeat a run")
    parser.add_argument("--launches", type=int, default=100, help="on the fake engine (100)")
    parser.add_argument("--kills", type=int, default=10, help="of workers (10)")
    parser.add_argument("--postgres", metavar="URL", help="an empty database; SQLite by default")
    parser.add_argument("--only", choices=["fake", "functions", "docker"], help="one of the three")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep databases and logs there")
    return parser.parse_args()


def _print(name: str, report: Report) -> None:
    print(f"\n{name}")
    for label, value in report.figures.items():
        print(f"  {label:36}{value:>8}")
    for violation in report.violations:
        print(f"  BROKEN: {violation}")
    print("  everything ended as promised" if not report.violations else f"  {len(report.violations)} promises broken")


if __name__ == "__main__":
    sys.exit(main())
