"""Operations are found by introspection and listed by name."""

import pytest

from core.errors import BadInput
from operations.framework.operation import BaseDataOperation
from operations.framework.registry import available, find


def test_packaged_operations_are_found_by_name() -> None:
    assert {"Median"} <= set(available())
    assert list(available()) == sorted(available())
    for name, operation in available().items():
        assert issubclass(operation, BaseDataOperation)
        assert operation.name == name
        assert operation.description.endswith(".")


def test_unknown_name_is_refused_with_the_choices() -> None:
    with pytest.raises(BadInput, match=r"There is no operation Mode\. Choose one of .*Median") as refused:
        find("Mode")

    assert refused.value.path == ("name",)
