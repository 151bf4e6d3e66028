"""Signatures are one installation's, and one purpose's."""

from pathlib import Path

import pytest

from core.security.signing import Signer, open_signer
from core.settings import load


def test_a_signature_holds_for_its_text_and_its_purpose_alone() -> None:
    signer = Signer("secret")
    signature = signer.sign("upload", "7")

    assert signer.valid("upload", "7", signature)
    assert not signer.valid("upload", "8", signature)
    assert not signer.valid("session", "7", signature)
    assert not Signer("another").valid("upload", "7", signature)


def test_purpose_and_text_cannot_be_shifted_into_one_another() -> None:
    signer = Signer("secret")

    assert signer.sign("up", "load7") != signer.sign("upload", "7")


@pytest.mark.parametrize("forged", ["", "0" * 64, "é" * 64, "x"])
def test_a_forged_signature_is_refused_whatever_it_is(forged: str) -> None:
    assert not Signer("secret").valid("upload", "7", forged)


def test_without_a_secret_one_is_made_and_kept_for_this_user_alone(data_dir: Path) -> None:
    settings = load(data_dir=data_dir / "new")

    signature = open_signer(settings).sign("upload", "7")

    assert open_signer(settings).valid("upload", "7", signature)
    file = data_dir / "new" / "secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text()) == 64


def test_the_configured_secret_wins(data_dir: Path) -> None:
    settings = load(data_dir=data_dir, secret_key="given")

    assert open_signer(settings).valid("upload", "7", Signer("given").sign("upload", "7"))
    assert not (data_dir / "secret").exists()
