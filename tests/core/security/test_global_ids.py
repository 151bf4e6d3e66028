"""Each row has one global id, and no other text is one."""

import pytest

from core.security import global_ids


def test_id_decodes_to_its_row() -> None:
    assert global_ids.decode(global_ids.encode("Upload", 17)) == ("Upload", 17)
    assert global_ids.key_of("Upload", global_ids.encode("Upload", 17)) == 17


@pytest.mark.parametrize("text", ["", "x", "VXBsb2FkOjE=", "VXBsb2FkOjAx", "VXBsb2FkOi0x", "VXBsb2Fk", "ä", "a b", "-"])
def test_other_text_is_not_an_id(text: str) -> None:
    assert global_ids.decode(text) is None


def test_key_matches_its_kind_and_column() -> None:
    assert global_ids.key_of("Image", global_ids.encode("Upload", 17)) is None
    assert global_ids.key_of("Upload", global_ids.encode("Upload", 2**31)) is None
