"""Fixtures of the operations' tests."""

from pathlib import Path

import pytest

from tests.operations.frames import OperationHarness


@pytest.fixture
def harness(tmp_path: Path) -> OperationHarness:
    """A folder of frames to run operations on."""
    return OperationHarness(tmp_path)
