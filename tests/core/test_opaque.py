"""Opaque names: one for each row, and nothing else is one."""

import pytest

from core import opaque


def test_a_name_leads_back_to_its_row() -> None:
    assert opaque.decode(opaque.encode("Upload", 17)) == ("Upload", 17)
    assert opaque.key_of("Upload", opaque.encode("Upload", 17)) == 17


@pytest.mark.parametrize("text", ["", "x", "VXBsb2FkOjE=", "VXBsb2FkOjAx", "VXBsb2FkOi0x", "VXBsb2Fk", "ä", "a b", "-"])
def test_any_other_text_is_no_name(text: str) -> None:
    assert opaque.decode(text) is None


def test_a_key_is_of_its_kind_and_fits_a_column() -> None:
    assert opaque.key_of("Image", opaque.encode("Upload", 17)) is None
    assert opaque.key_of("Upload", opaque.encode("Upload", 2**31)) is None
