"""GraphQL types and root fields of API tokens."""

from datetime import datetime

import strawberry

from models.accounts import tokens as table
from resolvers.accounts import tokens as resolve
from resolvers.paging.keyset import Sort
from schema.graphql.filters import DateTimeFilter, StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public


@strawberry.type(description="An API token. Its text is shown once, at creation.")
class Token(Node):
    """The GraphQL type of a token."""

    model = table.Token
    name: str = public(description="The name.")
    scopes: list[str] | None = public(description="The rules of the token, for example `session:view:own`.")
    created_at: datetime = public(description="The creation time.")
    expires_at: datetime | None = public(description="The expiry time. Null if it never expires.")
    revoked_at: datetime | None = public(description="The time of revocation. Null if the token is not revoked.")
    last_used_at: datetime | None = public(description="The time of last use, to the minute.")


readers.register_rows("Token", resolve.reader)


@where_input("tokens")
class TokenWhere(Where):
    """Conditions."""

    name: StringFilter | None = filter_by("Filter by name.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")
    expires_at: DateTimeFilter | None = filter_by("Filter by expiry time.")
    last_used_at: DateTimeFilter | None = filter_by("Filter by the time of last use.")


OWN_TOKENS = ListDefinition(
    Token,
    TokenWhere,
    resolve.own_rows,
    {"name": "The name.", "created_at": "The creation time.", "expires_at": "The expiry time."},
    Sort("id", descending=True),
    plural="tokens",
    default_text="newest first",
)
