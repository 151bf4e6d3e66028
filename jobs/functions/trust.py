"""Who may ring by HTTP: whoever knows the secret."""

from core.errors import Unauthenticated
from core.queue.functions.waker import is_signed
from core.settings import Settings


def trusted(settings: Settings, signature: str | None, body: bytes) -> None:
    """Unauthenticated unless the body was signed with the bell's secret within the last five minutes."""
    secret = settings.bell_secret.get_secret_value() if settings.bell_secret else ""
    if not is_signed(secret, signature, body):
        raise Unauthenticated("A bell is signed with CARREL_BELL_SECRET, and not more than five minutes old.")
