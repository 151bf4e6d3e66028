"""A signature belongs to one installation and one purpose."""

from pathlib import Path

import pytest

from core.security.signing import Signer, open_signer
from core.settings import load


def test_signature_is_valid_for_text_and_purpose_only() -> None:
    signer = Signer("secret")
    signature = signer.sign("upload", "7")

    assert signer.is_valid("upload", "7", signature)
    assert not signer.is_valid("upload", "8", signature)
    assert not signer.is_valid("session", "7", signature)
    assert not Signer("another").is_valid("upload", "7", signature)


def test_purpose_and_text_are_separated() -> None:
    signer = Signer("secret")

    assert signer.sign("up", "load7") != signer.sign("upload", "7")


@pytest.mark.parametrize("forged", ["", "0" * 64, "é" * 64, "x"])
def test_forged_signature_is_refused(forged: str) -> None:
    assert not Signer("secret").is_valid("upload", "7", forged)


def test_missing_secret_is_created_with_private_mode(data_dir: Path) -> None:
    settings = load(data_dir=data_dir / "new")

    signature = open_signer(settings).sign("upload", "7")

    assert open_signer(settings).is_valid("upload", "7", signature)
    file = data_dir / "new" / "secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text()) == 64


def test_configured_secret_wins(data_dir: Path) -> None:
    settings = load(data_dir=data_dir, secret_key="given")

    assert open_signer(settings).is_valid("upload", "7", Signer("given").sign("upload", "7"))
    assert not (data_dir / "secret").exists()
