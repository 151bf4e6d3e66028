"""A signature belongs to one installation and one purpose, and ends after its lifetime."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import now
from core.security import signing
from core.security.signing import Signer, Validity, open_signer
from core.settings import load

HOUR = timedelta(hours=1)


@pytest.fixture
def sign_ago(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], str]:
    """Signs `7` for an upload some time ago."""

    def sign(ago: timedelta) -> str:
        with monkeypatch.context() as past:
            past.setattr(signing, "now", lambda: now() - ago)
            return Signer("secret").sign("upload", "7")

    return sign


def test_signature_is_valid_for_text_and_purpose_only() -> None:
    signer = Signer("secret")
    signature = signer.sign("upload", "7")

    assert signer.verify("upload", "7", signature, HOUR) is Validity.VALID
    assert signer.verify("upload", "8", signature, HOUR) is Validity.FORGED
    assert signer.verify("session", "7", signature, HOUR) is Validity.FORGED
    assert Signer("another").verify("upload", "7", signature, HOUR) is Validity.FORGED


def test_purpose_and_text_are_separated() -> None:
    signer = Signer("secret")

    assert signer.fingerprint("up", "load7") != signer.fingerprint("upload", "7")
    assert signer.verify("upload", "7", signer.sign("up", "load7"), HOUR) is Validity.FORGED


def test_text_with_separators_cannot_move_into_the_signature() -> None:
    signer = Signer("secret")
    signature = signer.sign("upload", "7.8")

    assert signer.verify("upload", "7", f"8.{signature}", HOUR) is Validity.FORGED
    assert signer.verify("upload", "7.8", signature, HOUR) is Validity.VALID


@pytest.mark.parametrize("forged", ["", "0" * 64, "é" * 64, "x", ".", "..", "a.b", "\0.\0"])
def test_forged_signature_is_refused(forged: str) -> None:
    assert Signer("secret").verify("upload", "7", forged, HOUR) is Validity.FORGED


def test_signature_ends_after_its_lifetime(sign_ago: Callable[[timedelta], str]) -> None:
    signer = Signer("secret")

    assert signer.verify("upload", "7", sign_ago(HOUR - timedelta(seconds=5)), HOUR) is Validity.VALID
    assert signer.verify("upload", "7", sign_ago(HOUR + timedelta(seconds=5)), HOUR) is Validity.EXPIRED


def test_signature_of_a_fast_clock_is_valid_within_the_skew(sign_ago: Callable[[timedelta], str]) -> None:
    signer = Signer("secret")

    assert signer.verify("upload", "7", sign_ago(timedelta(seconds=-2)), HOUR) is Validity.VALID
    assert signer.verify("upload", "7", sign_ago(-HOUR), HOUR) is not Validity.VALID


def test_only_the_given_spelling_is_valid() -> None:
    signer = Signer("secret")
    signature = signer.sign("upload", "7")
    others = [signature[:-1] + each for each in "ABCDEFGHwxyz0189-_" if each != signature[-1]]

    assert {signer.verify("upload", "7", each, HOUR) for each in (*others, f"{signature}=")} == {Validity.FORGED}


def test_signature_may_be_dated() -> None:
    signer, at = Signer("secret"), now() - timedelta(minutes=59)
    signature = signer.sign("upload", "7", at)

    assert signature == signer.sign("upload", "7", at)
    assert signer.verify("upload", "7", signature, HOUR) is Validity.VALID
    assert signer.verify("upload", "7", signature, HOUR / 2) is Validity.EXPIRED


def test_time_of_signature_cannot_be_changed(sign_ago: Callable[[timedelta], str]) -> None:
    old, new = sign_ago(2 * HOUR), Signer("secret").sign("upload", "7")
    moved = f"{new.partition('.')[0]}.{old.partition('.')[2]}"

    assert Signer("secret").verify("upload", "7", moved, HOUR) is Validity.FORGED


def test_fingerprint_depends_on_text_and_secret_not_on_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Signer("secret").fingerprint("idempotency", "text é")
    monkeypatch.setattr(signing, "now", lambda: now() + HOUR)

    assert Signer("secret").fingerprint("idempotency", "text é") == first
    assert Signer("secret").fingerprint("idempotency", "text") != first
    assert Signer("another").fingerprint("idempotency", "text é") != first
    assert len(first) <= 64


def test_missing_secret_is_created_with_private_mode(data_dir: Path) -> None:
    settings = load(data_dir=data_dir / "new")

    signature = open_signer(settings).sign("upload", "7")

    assert open_signer(settings).verify("upload", "7", signature, HOUR) is Validity.VALID
    file = data_dir / "new" / "secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text()) == 64


def test_configured_secret_wins(data_dir: Path) -> None:
    settings = load(data_dir=data_dir, secret_key="given")

    signature = Signer("given").sign("upload", "7")
    assert open_signer(settings).verify("upload", "7", signature, HOUR) is Validity.VALID
    assert not (data_dir / "secret").exists()
