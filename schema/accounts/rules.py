"""Rules and verdicts as clients see them."""

from typing import Annotated

import strawberry

from models.accounts.roles import Operation, Resource, Scope
from models.permissions.rules import RULES
from models.policies.authorization import ACTS, Action
from resolvers.accounts import roles as resolve
from schema.context import Info, shown
from schema.graphql.enums import expose
from schema.graphql.node import decode_as
from schema.graphql.permissions import public

expose(Action, "What somebody may want to do; each mutation is one.", {each: ACTS[each].description for each in Action})


def type_of(resource: Resource) -> str:
    """Return the name of the type that shows a noun."""
    return "".join(word.capitalize() for word in resource.value.split("_"))


@strawberry.type(description="A permission within a scope; there are no others than those that `rules` lists.")
class Rule:
    """Shows a rule."""

    resource: Resource = public(description="The noun that it is about.")
    operation: Operation = public(description="What may be done.")
    scope: Scope = public(description="How far it reaches.")

    @public(description="How it is written, as `session:view:own`.")
    def text(self) -> str:
        """Return the rule's text."""
        return f"{self.resource.value}:{self.operation.value}:{self.scope.value}"


@strawberry.type(description="Whether the caller may do something, and why not.")
class Verdict:
    """Shows a verdict."""

    is_allowed: bool = public(description="Whether the caller may.")
    reason: str | None = public(description="Why not, as one sentence; null when the caller may.")


Wanted = Annotated[Action, strawberry.argument(description="What the caller would do.")]
To = Annotated[
    strawberry.ID | None, strawberry.argument(description="To which object; left out for what makes a new one.")
]


@strawberry.type(description="Reads of rules and verdicts.")
class AccessQueries:
    """Root fields."""

    @public(description="Every rule there is; any user may read them.")
    def rules(self, info: Info) -> list[Rule] | None:
        """Return the registry."""
        return shown(list(RULES.values())) if info.context.caller else None

    @public(description="Whether the caller may do something, and if not, why.")
    async def why_not(self, info: Info, action: Wanted, id: To = None) -> Verdict | None:
        """Ask the policy."""
        key = decode_as(type_of(ACTS[action].on), id) if id is not None else None
        verdict = await resolve.why_not(info.context.caller, action, key)
        return Verdict(is_allowed=verdict is True, reason=None if verdict is True else verdict)
