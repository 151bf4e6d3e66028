"""Secrets of users that we must be able to use later: sealed with the installation's key, useless without it."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import Unavailable
from core.security.signing import secret_of
from core.settings import Settings


class Sealer:
    """Seals texts for one purpose and one owner each; a sealed text that is moved elsewhere does not open."""

    def __init__(self, secret: str) -> None:
        """Derive keys from `secret`."""
        self._secret = secret.encode()

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` sealed for `purpose`, such as `archive:7`."""
        return self._box(purpose).encrypt(text.encode()).decode()

    def opened(self, purpose: str, sealed: str) -> str:
        """Return what was sealed for `purpose`; Unavailable when the installation's key is another one now."""
        try:
            return self._box(purpose).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Unavailable("A kept secret cannot be read with the present key; give it again.") from error

    def _box(self, purpose: str) -> Fernet:
        derived = HKDF(SHA256(), 32, salt=None, info=f"carrel sealing\0{purpose}".encode()).derive(self._secret)
        return Fernet(urlsafe_b64encode(derived))


def open_sealer(settings: Settings) -> Sealer:
    """Return a sealer with the installation's secret, from which signatures come as well."""
    return Sealer(secret_of(settings))
