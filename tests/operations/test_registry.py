"""Operations are found by introspection, by their names."""

import pytest

from core.errors import BadInput
from operations.framework.operation import BaseDataOperation
from operations.framework.registry import available, find


def test_every_operation_of_the_package_is_there_under_its_name() -> None:
    assert {"Median"} <= set(available())
    assert list(available()) == sorted(available())
    for name, operation in available().items():
        assert issubclass(operation, BaseDataOperation)
        assert operation.name == name
        assert operation.description.endswith(".")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"There is no operation Mode; there are .*Median") as refused:
        find("Mode")

    assert refused.value.path == ("name",)
