"""Outputs of data operations, as clients see them."""

from typing import Any

import pytest

from models.data.dataoperations import DataOperation
from models.data.results import Result
from resolvers.data.dataoperations import list_outputs


def _outputs(*files: tuple[int, str]) -> list[tuple[int, str, list[str]]]:
    stored: Any = [{"index": index, "kind": kind, "name": f"{index}.{kind}"} for index, kind in files]
    outputs = list_outputs(DataOperation(id=7), Result(files=stored))
    assert len({output.basename for output in outputs}) == len(outputs)
    return [(output.index, output.type, [file["kind"] for file in output.files]) for output in outputs]


def test_files_are_grouped_by_output_in_order() -> None:
    assert _outputs((1, "large"), (0, "fits"), (1, "small"), (0, "png")) == [
        (0, "fits", ["fits", "png"]),
        (1, "image", ["large", "small"]),
    ]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(["fits", "table"], "fits"), (["table"], "table"), (["table", "png"], "image"), (["png"], "image")],
)
def test_type_of_an_output_depends_on_its_files(kinds: list[str], expected: str) -> None:
    assert [output[1] for output in _outputs(*((0, kind) for kind in kinds))] == [expected]


def test_result_without_files_has_no_outputs() -> None:
    assert _outputs() == []
