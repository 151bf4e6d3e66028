"""The context of every operation: the caller, the house, and loaders that live as long as the operation."""

from dataclasses import dataclass, field
from typing import Any

from strawberry.types.info import Info as StrawberryInfo

from models.permissions.principal import Principal
from resolvers.app_state import House
from resolvers.guards import known
from resolvers.loaders.request_loaders import Loaders
from schema.execution.context import Context as CoreContext


@dataclass
class Context(CoreContext):
    """What a field's resolver finds in `info.context`."""

    house: House | None = None
    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def caller(self) -> Principal:
        """The caller; Unauthenticated when there is none."""
        return known(self.principal)

    @property
    def home(self) -> House:
        """The house of this process."""
        if self.house is None:
            raise RuntimeError("This context was made without a house.")
        return self.house

    @property
    def loaders(self) -> Loaders:
        """Loaders of this operation, with the caller's rights."""
        if self._loaders is None:
            self._loaders = Loaders(self.caller)
        return self._loaders

    def forget(self) -> None:
        """Drop what the loaders have read, after something was changed."""
        self._loaders = None


Info = StrawberryInfo[Context, None]


def shown(rows: object) -> Any:
    """Return a row, or rows, for a field whose type shows them: Strawberry reads the row's own attributes."""
    return rows
