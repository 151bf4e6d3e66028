"""GraphQL types and root fields of permission rules and access decisions."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource, Scope
from models.permissions.rules import RULES
from models.policies.authorization import ACTION_RULES, Action
from resolvers.accounts import rules as resolve
from schema.context import Info, as_graphql
from schema.graphql.enums import graphql_enum
from schema.graphql.node import decode_as
from schema.graphql.permissions import public

graphql_enum(
    Action,
    "An action that a caller may be allowed to take. Each mutation is one.",
    {each: ACTION_RULES[each].description for each in Action},
)


def graphql_type_name(resource: Resource) -> str:
    """Return the name of a resource's GraphQL type."""
    return "".join(word.capitalize() for word in resource.value.split("_"))


@strawberry.type(description="A permission within a scope. `rules` lists all of them.")
class Rule:
    """The GraphQL type of a rule."""

    resource: Resource = public(description="The resource.")
    verb: PermissionVerb = public(description="The verb.")
    scope: Scope = public(description="The scope.")

    @public(description="The text form, for example `session:view:own`.")
    def text(self) -> str:
        """Return the rule's text."""
        return f"{self.resource.value}:{self.verb.value}:{self.scope.value}"


@strawberry.type(description="Whether the caller may take an action, with the reason if not.")
class AccessDecision:
    """The GraphQL type of a verdict."""

    is_allowed: bool = public(description="Whether the action is allowed.")
    reason: str | None = public(description="The reason, as a sentence. Null if the action is allowed.")


WantedAction = Annotated[Action, strawberry.argument(description="The action to check.")]
TargetId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The object of the action. Omit it for actions that create an object."),
]


@strawberry.type(description="Queries for rules and access decisions.")
class AccessQueries:
    """Root fields."""

    @public(description="All rules. Every signed-in user may read them.")
    def rules(self, info: Info) -> list[Rule] | None:
        """Return all rules."""
        return as_graphql(list(RULES.values())) if info.context.caller else None

    @public(description="Check whether the caller may take an action, and the reason if not.")
    async def why_not(self, info: Info, action: WantedAction, id: TargetId = None) -> AccessDecision | None:
        """Return the policy's decision."""
        key = decode_as(graphql_type_name(ACTION_RULES[action].resource), id) if id is not None else None
        decision = await resolve.why_not(info.context.caller, action, key)
        return AccessDecision(is_allowed=decision is True, reason=None if decision is True else decision)
