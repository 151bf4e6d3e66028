"""Signatures of this installation, over texts that leave it and come back."""

import hmac
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from core.settings import Settings


class Signer:
    """Signs texts with the installation's secret; a purpose keeps signatures of one sort from serving for another."""

    def __init__(self, secret: str) -> None:
        """Sign with `secret`."""
        self._secret = secret.encode()

    def sign(self, purpose: str, text: str) -> str:
        """Return the signature of `text`, 64 hexadecimal digits."""
        return hmac.new(self._secret, f"{purpose}\0{text}".encode(), sha256).hexdigest()

    def valid(self, purpose: str, text: str, signature: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode())


def open_signer(settings: Settings) -> Signer:
    """Return a signer with the installation's secret."""
    return Signer(secret_of(settings))


def secret_of(settings: Settings) -> str:
    """Return the configured secret, else one that is kept in the data folder."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    return _kept_secret(settings.data_dir / "secret")


def _kept_secret(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x") as created:
            file.chmod(0o600)
            created.write(token_hex(32))
    except FileExistsError:
        pass
    return file.read_text()
