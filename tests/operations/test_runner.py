"""A run is one call, in this process or in another."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from operations.framework.errors import OperationInterrupted
from operations.framework.runner import estimate, run
from operations.median import Median
from tests.operations.frames import Bench, noise, one


def test_a_run_works_in_a_spawned_process(bench: Bench) -> None:
    given = bench.given("Median", {"input_files": [bench.save(f"{n}.fits", noise((8, 9), n)) for n in range(3)]})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        outcome = pool.submit(run, "Median", Median.version, given, bench.work()).result(60)

    assert one(outcome).path.exists()


def test_a_worker_with_another_version_leaves_the_run_to_others(bench: Bench) -> None:
    given = bench.given("Median", {"input_files": [bench.save(f"{n}.fits", noise((8, 9), n)) for n in range(2)]})

    with pytest.raises(OperationInterrupted, match="Version 99 of Median was asked for"):
        run("Median", 99, given, bench.work())


def test_an_estimate_needs_only_the_headers(bench: Bench) -> None:
    given = bench.given("Median", {"input_files": [bench.save(f"{n}.fits", noise((8, 9), n)) for n in range(2)]})

    assert estimate("Median", given).peak_bytes > 0
