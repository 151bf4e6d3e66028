"""Encrypted secrets can be decrypted only with the same key and purpose."""

import pytest

from core.errors import Unavailable
from core.security.encryption import SecretBox, open_secret_box
from core.settings import Settings


def test_encrypted_text_decrypts_and_hides_content() -> None:
    encrypted = SecretBox("key").encrypt("archive:1", "swordfish")

    assert "swordfish" not in encrypted
    assert SecretBox("key").decrypt("archive:1", encrypted) == "swordfish"


@pytest.mark.parametrize(("key", "purpose"), [("other", "archive:1"), ("key", "archive:2")])
def test_other_key_or_purpose_cannot_decrypt(key: str, purpose: str) -> None:
    encrypted = SecretBox("key").encrypt("archive:1", "swordfish")

    with pytest.raises(Unavailable, match="set the secret again"):
        SecretBox(key).decrypt(purpose, encrypted)


def test_installation_keeps_its_key(settings: Settings) -> None:
    encrypted = open_secret_box(settings).encrypt("a", "b")

    assert open_secret_box(settings).decrypt("a", encrypted) == "b"
