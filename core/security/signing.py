"""Signatures with the installation's secret, for texts that leave it and come back, such as the parameters of links.

itsdangerous makes them. A signature contains its time, and the verifier says how long one is valid.
"""

from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from itsdangerous import BadSignature, TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode, want_bytes

from core.clock import now
from core.settings import Settings

CLOCK_SKEW = timedelta(minutes=1)
"""How far the clock of the signing process may be ahead."""
WHOLE_SECOND = timedelta(seconds=1)
"""The precision of the time in a signature."""


class Validity(Enum):
    """The result of verifying a signature."""

    VALID = "valid"
    EXPIRED = "expired"
    FORGED = "forged"


class _DatedSigner(TimestampSigner):
    signed_at: datetime

    def get_timestamp(self) -> int:
        return int(self.signed_at.timestamp())

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        # Base64 has several texts for the same bytes; only the one that was given out is valid.
        return super().verify_signature(value, sig) and base64_encode(base64_decode(sig)) == want_bytes(sig)


class Signer:
    """Signs texts; a signature for one purpose is not valid for another."""

    def __init__(self, secret: str) -> None:
        """Sign with `secret`."""
        self._secret = secret

    def sign(self, purpose: str, text: str, at: datetime | None = None) -> str:
        """Return the time and the signature of `text`, in characters that a URL may contain; `at` is now by default."""
        signer = self._signer(purpose)
        signer.signed_at = at or now()
        return signer.sign(text).decode().removeprefix(f"{text}.")

    def verify(self, purpose: str, text: str, signature: str, lifetime: timedelta) -> Validity:
        """Return whether `text` was signed for this purpose at most `lifetime` ago; compared in constant time."""
        try:
            found, signed_at = self._signer(purpose).unsign(f"{text}.{signature}", return_timestamp=True)
        except BadSignature:
            return Validity.FORGED
        # The signature may begin with a part of another text that was signed.
        if found != text.encode():
            return Validity.FORGED
        return Validity.VALID if -CLOCK_SKEW <= now() - signed_at <= lifetime + WHOLE_SECOND else Validity.EXPIRED

    def fingerprint(self, purpose: str, text: str) -> str:
        """Return a keyed digest of `text` without a time; equal texts have equal fingerprints."""
        return self._signer(purpose).get_signature(text).decode()

    def _signer(self, purpose: str) -> _DatedSigner:
        return _DatedSigner(self._secret, salt=purpose, key_derivation="hmac", digest_method=sha256)


def open_signer(settings: Settings) -> Signer:
    """Return a signer with the installation's secret."""
    return Signer(installation_secret(settings))


def installation_secret(settings: Settings) -> str:
    """Return the configured secret, else the one in the data folder, created on first use."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    return _stored_secret(settings.data_dir / "secret")


def _stored_secret(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Exclusive creation: of several processes at the first start one writes the secret.
        with file.open("x") as created:
            file.chmod(0o600)
            created.write(token_hex(32))
    except FileExistsError:
        pass
    return file.read_text()
