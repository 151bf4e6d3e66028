"""Small chaos runs; `make chaos` does large ones."""

from dataclasses import replace
from pathlib import Path

from bench.chaos import chaos_run
from bench.chaos.faults import ChaosPlan
from tests.functions.fixtures import postgres_url

__all__ = ["postgres_url"]

SMALL = ChaosPlan(launches=20, capacity=6, workers=2, kills=3, freezes=1, seed=7, max_seconds=90, settle_seconds=45)


async def test_every_session_ends_as_expected_under_faults(database_url: str, data_dir: Path) -> None:
    report = await chaos_run.run(SMALL, data_dir, database_url)

    assert report.violations == [], report.figures


async def test_every_session_ends_as_expected_with_functions(postgres_url: str, data_dir: Path) -> None:
    report = await chaos_run.run(replace(SMALL, with_functions=True), data_dir, postgres_url)

    assert report.violations == [], report.figures
    assert report.figures["functions frozen beyond their lease"] == 1
