"""Who acts, as the history keeps it: a principal, the service itself, or somebody without a name."""

from dataclasses import dataclass

from models.accounts.history import ActorKind
from models.permissions.principal import Principal


@dataclass(frozen=True)
class Actor:
    """The one who causes a move."""

    kind: ActorKind
    user_id: int | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        """Return the principal as an actor."""
        return cls(ActorKind(principal.kind), principal.user_id)


SERVICE = Actor(ActorKind.SERVICE)
ANONYMOUS = Actor(ActorKind.ANONYMOUS)
