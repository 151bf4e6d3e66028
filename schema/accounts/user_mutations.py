"""The mutation that creates user accounts."""

from typing import Annotated

import strawberry

from core.security.passwords import MINIMUM_LENGTH
from models.accounts.roles import PermissionVerb, Resource
from models.services.accounts.users import MAX_USERNAME_LENGTH, MIN_USERNAME_LENGTH
from resolvers.accounts import users as resolve
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires


@strawberry.input(description="A new account.")
class UserCreateInput:
    """The input of userCreate."""

    username: str = strawberry.field(
        description=f"The user name: {MIN_USERNAME_LENGTH} to {MAX_USERNAME_LENGTH} letters, digits, dots, dashes and "
        "underscores."
    )
    password: str = strawberry.field(description=f"The password, at least {MINIMUM_LENGTH} characters.")
    role: str = strawberry.field(
        description="A default role, for example researcher. The caller must hold all its rules.", default="researcher"
    )
    organization_id: strawberry.ID | None = strawberry.field(
        description="The home organization. Only callers who can create accounts everywhere may omit it.", default=None
    )


@strawberry.type(description="The payload of userCreate.")
class UserCreatePayload(Payload):
    """A user."""

    user: User | None = public(description="The new account.", default=None)


@strawberry.type(description="Mutations of accounts.")
class AccountMutations:
    """Root fields."""

    @requires(
        Resource.USER, PermissionVerb.CREATE, description="Create an account for another user. Accepts `@idempotent`."
    )
    @errors_in_payload(UserCreatePayload)
    @idempotent_mutation(UserCreatePayload, "user")
    async def user_create(
        self,
        info: Info,
        input: Annotated[UserCreateInput, strawberry.argument(description="The account.")],
    ) -> UserCreatePayload | None:
        """Create an account."""
        organization_id = input.organization_id
        key = decode_as("Organization", organization_id, path=("organizationId",)) if organization_id else None
        user = await resolve.create_user(info.context.caller, input.username, input.password, input.role, key)
        return UserCreatePayload(user=as_graphql(user))
