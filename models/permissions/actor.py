"""The actor of a history entry: a principal, the service itself, or an anonymous caller."""

from dataclasses import dataclass

from models.accounts.history import ActorKind
from models.permissions.principal import Principal


@dataclass(frozen=True)
class Actor:
    """The cause of a change, as history entries record it."""

    kind: ActorKind
    user_id: int | None = None

    @classmethod
    def from_principal(cls, principal: Principal) -> "Actor":
        """Return the actor for a principal."""
        return cls(ActorKind(principal.kind), principal.user_id)


SERVICE = Actor(ActorKind.SERVICE)
ANONYMOUS = Actor(ActorKind.ANONYMOUS)
