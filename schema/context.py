"""The context of every GraphQL operation: the caller, the app state, and the loaders of the operation."""

from dataclasses import dataclass, field
from typing import Any

from strawberry.types.info import Info as StrawberryInfo

from models.permissions.principal import Principal
from resolvers.app_state import AppState
from resolvers.guards import require_principal
from resolvers.loaders.request_loaders import Loaders
from schema.execution.context import GraphQLContext


@dataclass
class Context(GraphQLContext):
    """The `info.context` of every resolver."""

    app_state: AppState = field(kw_only=True)
    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def caller(self) -> Principal:
        """The caller; Unauthenticated if there is none."""
        return require_principal(self.principal)

    @property
    def loaders(self) -> Loaders:
        """The loaders of this operation, with the caller's permissions."""
        if self._loaders is None:
            self._loaders = Loaders(self.caller)
        return self._loaders


Info = StrawberryInfo[Context, None]


def as_graphql(rows: object) -> Any:
    """Return rows of a table as the GraphQL type of the field. Strawberry resolves fields from the row's attributes."""
    return rows
