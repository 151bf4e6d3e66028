"""Roles, rules, grants and verdicts as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from models import access as table
from models.access import ObjectRole, Operation, Resource, Scope
from models.policies import grants as grant_policy
from models.policies import roles as policy
from models.policies.actions import ACTS, Action
from models.rules import RULES
from resolvers import access as resolve
from resolvers.paging import Sort, Window
from schema.accounts import User
from schema.context import Context, Info, shown
from schema.core.connection import After, Before, Connection, First, Last, connect
from schema.core.enums import expose
from schema.core.errors import Payload, reported
from schema.core.ids import Node, decode, decode_as, readers
from schema.core.permissions import public, requires
from schema.organizations import Organization
from schema.relations import by

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


@strawberry.type(description="A named set of rules that users hold.")
class Role(Node):
    """Shows a role."""

    model = table.Role
    organization_id: strawberry.Private[int | None]
    name: str = public(description="Its name, unique in its organization or in the house.")
    description: str = public(description="What it is for.")
    rules: list[str] = public(description="Its rules, as `session:view:own`.")
    is_default: bool = public(description="Whether it is defined in code, so that nobody changes it.")
    created_at: datetime = public(description="When it was made.")
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="Whose role it is; null for one of the whole house.",
        **by("organization_id", "organizations"),
    )


@strawberry.type(description="Somebody, or all members of an organization, hold a role on one object.")
class Grant(Node):
    """Shows a grant."""

    model = table.Grant
    user_id: strawberry.Private[int | None]
    organization_id: strawberry.Private[int | None]
    object_id: strawberry.Private[int]
    resource: Resource = public(description="The sort of object.")
    role: ObjectRole = public(description="The role on it.")
    created_at: datetime = public(description="Since when.")
    user: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Who holds it; null for a group, or if unknown to the caller.",
        **by("user_id", "users"),
    )
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="The group that holds it; null for a single user.",
        **by("organization_id", "organizations"),
    )

    @public(description="The object; null when the caller may not see it.")
    async def object(self, info: Info) -> Node | None:
        """Return the object."""
        return shown(await info.context.loaders.granted[self.resource].load(self.object_id))


@strawberry.type(description="Whether the caller may do something, and why not.")
class Verdict:
    """Shows a verdict."""

    is_allowed: bool = public(description="Whether the caller may.")
    reason: str | None = public(description="Why not, as one sentence; null when the caller may.")


@readers.register("Role")
async def _roles(context: Context, pks: Sequence[int]) -> dict[int, table.Role]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@readers.register("Grant")
async def _grants(context: Context, pks: Sequence[int]) -> dict[int, table.Grant]:
    return {row.id: row for row in await grant_policy.readable(context.caller).filter(id__in=list(pks))}


Of = Annotated[strawberry.ID | None, strawberry.argument(description="Only those on this object.")]
Wanted = Annotated[Action, strawberry.argument(description="What the caller would do.")]
To = Annotated[
    strawberry.ID | None, strawberry.argument(description="To which object; left out for what makes a new one.")
]


@strawberry.type(description="Reads of roles, rules and grants.")
class AccessQueries:
    """Root fields."""

    @public(description="Every rule there is; any user may read them.")
    def rules(self, info: Info) -> list[Rule] | None:
        """Return the registry."""
        return shown(list(RULES.values())) if info.context.caller else None

    @requires(Resource.ROLE, Operation.VIEW, description="The roles that the caller may know of, by name.")
    async def roles(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Role] | None:
        """Return one page."""
        return await connect(policy.readable(info.context.caller), [Sort("name")], Window(first, after, last, before))

    @requires(Resource.ROLE, Operation.VIEW, description="The grants that the caller holds or may give, newest first.")
    async def grants(
        self,
        info: Info,
        of: Of = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Grant] | None:
        """Return one page."""
        rows = grant_policy.readable(info.context.caller)
        if of is not None:
            kind, key = decode(of)
            nouns = [resource for resource in grant_policy.GRANTED if type_of(resource) == kind]
            rows = rows.filter(resource__in=nouns, object_id=key)
        return await connect(rows, [Sort("id", descending=True)], Window(first, after, last, before))

    @public(description="Whether the caller may do something, and if not, why.")
    async def why_not(self, info: Info, action: Wanted, id: To = None) -> Verdict | None:
        """Ask the policy."""
        key = decode_as(type_of(ACTS[action].on), id) if id is not None else None
        verdict = await resolve.why_not(info.context.caller, action, key)
        return Verdict(is_allowed=verdict is True, reason=None if verdict is True else verdict)


@strawberry.input(description="A new role.")
class RoleCreateInput:
    """What roleCreate takes."""

    name: str = strawberry.field(description="Its name, 1 to 64 characters; not that of a default role.")
    rules: list[str] = strawberry.field(description="Its rules, each of which the caller holds.")
    description: str = strawberry.field(description="What it is for, at most 1024 characters.", default="")
    organization_id: strawberry.ID | None = strawberry.field(
        description="Whose role it is; only who makes roles everywhere may leave it out.", default=None
    )


@strawberry.input(description="Changes of a role; what is not given stays as it is.")
class RoleUpdateInput:
    """What roleUpdate takes."""

    name: str | None = strawberry.field(description="A new name.", default=None)
    rules: list[str] | None = strawberry.field(
        description="All of its rules from now on; the caller holds those added and those removed.", default=None
    )
    description: str | None = strawberry.field(description="A new description.", default=None)


@strawberry.type(description="The answer to a change of a role.")
class RolePayload(Payload):
    """A role."""

    role: Role | None = public(description="The role as it is now.", default=None)


@strawberry.type(description="The answer to roleDelete.")
class RoleDeletePayload(Payload):
    """An id that is no more."""

    deleted_id: strawberry.ID | None = public(description="The id of the role that is gone.", default=None)


@strawberry.type(description="The answer to a change of what a user holds.")
class UserRightsPayload(Payload):
    """A user."""

    user: User | None = public(description="The user, with what they hold now.", default=None)


RoleId = Annotated[strawberry.ID, strawberry.argument(description="The role.")]
UserId = Annotated[strawberry.ID, strawberry.argument(description="The user; never the caller.")]
Text = Annotated[str, strawberry.argument(description="The rule, as `session:view:own`.")]


@strawberry.type(description="Changes of roles and of what users hold.")
class AccessMutations:
    """Root fields."""

    @requires(Resource.ROLE, Operation.CREATE, description="Make a role out of rules that the caller holds.")
    @reported(RolePayload)
    async def role_create(
        self, info: Info, input: Annotated[RoleCreateInput, strawberry.argument(description="The role.")]
    ) -> RolePayload | None:
        """Make a role."""
        group = input.organization_id
        key = decode_as("Organization", group, path=("organizationId",)) if group else None
        role = await resolve.create_role(info.context.caller, input.name, input.description, input.rules, key)
        return RolePayload(role=shown(role))

    @requires(Resource.ROLE, Operation.EDIT, description="Change a role for all who hold it.")
    @reported(RolePayload)
    async def role_update(
        self,
        info: Info,
        id: RoleId,
        input: Annotated[RoleUpdateInput, strawberry.argument(description="What to change.")],
    ) -> RolePayload | None:
        """Change a role."""
        key = decode_as("Role", id)
        role = await resolve.update_role(info.context.caller, key, input.name, input.description, input.rules)
        return RolePayload(role=shown(role))

    @requires(Resource.ROLE, Operation.DELETE, description="Remove a role that nobody holds.")
    @reported(RoleDeletePayload)
    async def role_delete(
        self,
        info: Info,
        id: RoleId,
        with_holders: Annotated[
            bool, strawberry.argument(description="Whether to take it from those who hold it first.")
        ] = False,
    ) -> RoleDeletePayload | None:
        """Remove a role."""
        await resolve.delete_role(info.context.caller, decode_as("Role", id), with_holders=with_holders)
        return RoleDeletePayload(deleted_id=id)

    @requires(Resource.USER, Operation.EDIT, description="Let a user hold a role of which the caller holds all rules.")
    @reported(UserRightsPayload)
    async def user_role_add(self, info: Info, id: UserId, role_id: RoleId) -> UserRightsPayload | None:
        """Give a role."""
        key, role = decode_as("User", id), decode_as("Role", role_id, path=("roleId",))
        user = await resolve.add_role(info.context.caller, key, role)
        return UserRightsPayload(user=shown(user))

    @requires(Resource.USER, Operation.EDIT, description="Take a role from a user.")
    @reported(UserRightsPayload)
    async def user_role_remove(self, info: Info, id: UserId, role_id: RoleId) -> UserRightsPayload | None:
        """Take a role."""
        key, role = decode_as("User", id), decode_as("Role", role_id, path=("roleId",))
        user = await resolve.remove_role(info.context.caller, key, role)
        return UserRightsPayload(user=shown(user))

    @requires(Resource.USER, Operation.EDIT, description="Let a user hold a rule that the caller holds.")
    @reported(UserRightsPayload)
    async def user_rule_add(self, info: Info, id: UserId, rule: Text) -> UserRightsPayload | None:
        """Give a rule."""
        user = await resolve.add_rule(info.context.caller, decode_as("User", id), rule)
        return UserRightsPayload(user=shown(user))

    @requires(Resource.USER, Operation.EDIT, description="Take a rule that a user holds directly.")
    @reported(UserRightsPayload)
    async def user_rule_remove(self, info: Info, id: UserId, rule: Text) -> UserRightsPayload | None:
        """Take a rule."""
        user = await resolve.remove_rule(info.context.caller, decode_as("User", id), rule)
        return UserRightsPayload(user=shown(user))
