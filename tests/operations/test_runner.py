"""A run is one call, in this process or in a spawned one."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from operations.framework.errors import OperationInterrupted
from operations.framework.runner import estimate, run
from operations.median import Median
from tests.operations.frames import OperationHarness, noise, one


def test_a_run_works_in_a_spawned_process(harness: OperationHarness) -> None:
    inputs = harness.inputs("Median", {"input_files": [harness.save(f"{n}.fits", noise((8, 9), n)) for n in range(3)]})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        outcome = pool.submit(run, "Median", Median.version, inputs, harness.context()).result(60)

    assert one(outcome).path.exists()


def test_worker_of_another_version_interrupts_the_run(harness: OperationHarness) -> None:
    inputs = harness.inputs("Median", {"input_files": [harness.save(f"{n}.fits", noise((8, 9), n)) for n in range(2)]})

    with pytest.raises(OperationInterrupted, match="The run needs version 99 of Median"):
        run("Median", 99, inputs, harness.context())


def test_an_estimate_needs_only_the_headers(harness: OperationHarness) -> None:
    inputs = harness.inputs("Median", {"input_files": [harness.save(f"{n}.fits", noise((8, 9), n)) for n in range(2)]})

    assert estimate("Median", inputs).peak_bytes > 0
