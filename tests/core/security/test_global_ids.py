"""Opaque names: one for each row, and nothing else is one."""

import pytest

from core.security import global_ids


def test_a_name_leads_back_to_its_row() -> None:
    assert global_ids.decode(global_ids.encode("Upload", 17)) == ("Upload", 17)
    assert global_ids.key_of("Upload", global_ids.encode("Upload", 17)) == 17


@pytest.mark.parametrize("text", ["", "x", "VXBsb2FkOjE=", "VXBsb2FkOjAx", "VXBsb2FkOi0x", "VXBsb2Fk", "ä", "a b", "-"])
def test_any_other_text_is_no_name(text: str) -> None:
    assert global_ids.decode(text) is None


def test_a_key_is_of_its_kind_and_fits_a_column() -> None:
    assert global_ids.key_of("Image", global_ids.encode("Upload", 17)) is None
    assert global_ids.key_of("Upload", global_ids.encode("Upload", 2**31)) is None
