"""What comes out is plain: strict JSON, and values that survive the way between processes."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from operations.framework.errors import OperationFailed, OperationInterrupted, final
from operations.framework.outcome import Frame, Given, plain


def test_nan_and_infinity_are_null() -> None:
    value = {"a": np.array([1.5, np.nan]), "b": (np.float32("inf"), np.int16(3), np.bool_(True)), "c": None, "d": "x"}

    assert json.dumps(plain(value), allow_nan=False) == '{"a": [1.5, null], "b": [null, 3, true], "c": null, "d": "x"}'


def test_what_json_has_no_place_for_is_a_bug() -> None:
    with pytest.raises(TypeError, match="Path has no place in JSON"):
        plain(Path("x"))


def test_inputs_and_errors_pass_between_processes() -> None:
    given = Given({"input_files": (Frame(Path("a"), "a"),), "sigma": 3.0})
    refused = pickle.loads(pickle.dumps(BadInput("No.", path=("a", "0"))))  # noqa: S301

    assert pickle.loads(pickle.dumps(given)) == given  # noqa: S301
    assert (refused.message, refused.path) == ("No.", ("a", "0"))


@pytest.mark.parametrize(
    ("error", "is_final"),
    [(BadInput(), True), (OperationFailed(), True), (OperationInterrupted(), False), (ValueError(), False)],
)
def test_an_error_says_whether_another_attempt_is_worth_it(error: Exception, is_final: bool) -> None:
    assert final(error) is is_final
