"""Outcomes are strict JSON, and inputs and errors can be pickled."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from operations.framework.errors import OperationFailed, OperationInterrupted, is_permanent
from operations.framework.outcome import Frame, RunInputs, to_strict_json


def test_nan_and_infinity_are_null() -> None:
    value = {"a": np.array([1.5, np.nan]), "b": (np.float32("inf"), np.int16(3), np.bool_(True)), "c": None, "d": "x"}

    assert (
        json.dumps(to_strict_json(value), allow_nan=False)
        == '{"a": [1.5, null], "b": [null, 3, true], "c": null, "d": "x"}'
    )


def test_value_without_json_form_is_a_bug() -> None:
    with pytest.raises(TypeError, match="Path cannot be written as JSON"):
        to_strict_json(Path("x"))


def test_inputs_and_errors_pass_between_processes() -> None:
    inputs = RunInputs({"input_files": (Frame(Path("a"), "a"),), "sigma": 3.0})
    refused = pickle.loads(pickle.dumps(BadInput("No.", path=("a", "0"))))  # noqa: S301

    assert pickle.loads(pickle.dumps(inputs)) == inputs  # noqa: S301
    assert (refused.message, refused.path) == ("No.", ("a", "0"))


@pytest.mark.parametrize(
    ("error", "is_final"),
    [(BadInput(), True), (OperationFailed(), True), (OperationInterrupted(), False), (ValueError(), False)],
)
def test_permanent_errors_are_distinguished(error: Exception, is_final: bool) -> None:
    assert is_permanent(error) is is_final
