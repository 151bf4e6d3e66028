"""HMAC signatures with the installation's secret, for texts that leave it and come back, such as upload URLs."""

import hmac
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from core.settings import Settings


class Signer:
    """Signs texts; a signature for one purpose is not valid for another."""

    def __init__(self, secret: str) -> None:
        """Sign with `secret`."""
        self._secret = secret.encode()

    def sign(self, purpose: str, text: str) -> str:
        """Return the signature of `text`, 64 hexadecimal digits."""
        return hmac.new(self._secret, f"{purpose}\0{text}".encode(), sha256).hexdigest()

    def is_valid(self, purpose: str, text: str, signature: str) -> bool:
        """Return whether the signature matches; compared in constant time."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode())


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
