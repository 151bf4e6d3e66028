"""Field permissions. Every field declares `@requires(...)` or `@public`; the printed directives are enforced."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from core.errors import CarrelError, Forbidden, Unauthenticated
from models.accounts.roles import ObjectRole, Permission, PermissionVerb, Resource, Scope
from models.permissions.principal import Principal
from models.permissions.tables import RESOURCE_PERMISSIONS
from schema.graphql.enums import graphql_enum

graphql_enum(
    Resource,
    "A resource that permissions apply to.",
    {each: RESOURCE_PERMISSIONS[each].description for each in Resource},
)
graphql_enum(
    PermissionVerb,
    "A verb of a permission: an action on a resource.",
    {
        PermissionVerb.VIEW: "Read it.",
        PermissionVerb.CREATE: "Create one.",
        PermissionVerb.EDIT: "Change or stop it.",
        PermissionVerb.DELETE: "Delete it.",
        PermissionVerb.SEND: "Send it to another party.",
        PermissionVerb.RECEIVE: "Receive it from another party.",
    },
)


graphql_enum(
    Scope,
    "The scope of a rule.",
    {
        Scope.OWN: "The user's own objects and those granted to the user.",
        Scope.ORGANIZATION: "Objects of the user's organizations.",
        Scope.COLLABORATION: "Objects of organizations that collaborate with the user's organizations.",
        Scope.GLOBAL: "All objects.",
    },
)
graphql_enum(
    ObjectRole,
    "The role that a grant gives on one object.",
    {
        ObjectRole.WORKSTATION_EDITOR: "Edit and share the workstation, and import images.",
        ObjectRole.WORKSTATION_USER: "Launch sessions of the workstation.",
        ObjectRole.STUDY_PREVIEW: "See a study and its previews.",
        ObjectRole.STUDY_DESIGN: "See a study, and change its design.",
        ObjectRole.STUDY_ANALYSIS: "See a study and its responses.",
        ObjectRole.STUDY_SUBMISSION_PROCESSOR: "See a study, change its state, rule on consent and write to "
        "participants.",
        ObjectRole.STUDY_RESEARCHER: "See a study, change its state and see its responses.",
        ObjectRole.STUDY_MANAGER: "Edit a study, change its state and manage its members.",
        ObjectRole.STUDY_ADMIN: "Do everything with a study.",
        ObjectRole.DATASESSION_EDITOR: "Edit and share the data session, and run operations in it.",
        ObjectRole.DATASESSION_VIEWER: "See the data session, its operations and their results.",
    },
)


class FieldForbidden(Forbidden):
    """You do not have permission to read this field."""

    def __init__(self, message: str, field: str, permission: Permission | None = None) -> None:
        """Create the error with `message` for `field`, written `Type.field`, which requires the permission."""
        super().__init__(message)
        self.field, self.permission = field, permission


class SignInRequired(Unauthenticated):
    """You must sign in to read this field."""

    def __init__(self, message: str, field: str, permission: Permission | None = None) -> None:
        """Create the error with `message` for `field`, written `Type.field`, which requires the permission."""
        super().__init__(message)
        self.field, self.permission = field, permission


class Guard(ABC):
    """Decides whether a caller may read a field, only by the caller's rules."""

    @abstractmethod
    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Return why `principal` may not read the field `where`, or None if it may."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requires",
    description="The field requires the permission for this verb on this resource.",
)
class Requires(Guard):
    """Requires a permission."""

    resource: Resource = strawberry.field(description="The resource.")
    verb: PermissionVerb = strawberry.field(description="The verb.")

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Return why `principal` may not read the field `where`, or None if it may."""
        if principal is not None and principal.has_permission(self.resource, self.verb):
            return None
        permission = Permission(self.resource, self.verb)
        needs = f"{where} requires the permission {permission}"
        if principal is None:
            return SignInRequired(f"{needs}; sign in first, or send a valid token.", where, permission)
        return FieldForbidden(f"{needs}, which you do not hold.", where, permission)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="public",
    description="The field is readable by every caller who can see its object.",
)
class Public(Guard):
    """Allows every caller."""

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Allow every caller."""


@dataclass(frozen=True)
class Undeclared(Guard):
    """Refuses every caller because the directive is missing."""

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:  # noqa: ARG002
        """Refuse every caller."""
        return FieldForbidden(f"{where} declares no permission, so it cannot be read.", where)


@dataclass(frozen=True)
class SignedIn(Guard):
    """Requires a signed-in caller, for introspection."""

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Refuse a caller that is not signed in."""
        sentence = "Introspection requires authentication; sign in first, or send a valid token."
        return None if principal else SignInRequired(sentence, where)


UNDECLARED, SIGNED_IN, PUBLIC = Undeclared(), SignedIn(), Public()


def requires(
    resource: Resource,
    verb: PermissionVerb,
    *,
    description: str,
    resolver: Callable[..., Any] | None = None,
    directives: Iterable[object] = (),
    **options: Any,
) -> Any:
    """Declare a field that requires the permission for `verb` on `resource`; see `strawberry.field`.

    Such a field should be nullable: without the permission it is null, with one error.
    """
    return _field(Requires(resource=resource, verb=verb), description, resolver, directives, options)


def public(
    *,
    description: str,
    resolver: Callable[..., Any] | None = None,
    directives: Iterable[object] = (),
    **options: Any,
) -> Any:
    """Declare a field that every caller who can see its object may read; see `strawberry.field`."""
    return _field(PUBLIC, description, resolver, directives, options)


def live_subscription(resource: Resource, verb: PermissionVerb, *, description: str, **options: Any) -> Any:
    """Declare a subscription field that requires the permission for `verb` on `resource`."""
    guard = Requires(resource=resource, verb=verb)
    return strawberry.subscription(description=description, directives=[guard], **options)


def _field(
    guard: Requires | Public,
    description: str,
    resolver: Callable[..., Any] | None,
    directives: Iterable[object],
    options: Mapping[str, Any],
) -> Any:
    field: Any = strawberry.field(description=description, directives=[guard, *directives], **options)
    return field(resolver) if resolver else field


def guard_of(field: GraphQLField) -> Guard:
    """Return the guard of the field's directive, or `UNDECLARED`."""
    declared = definition_of(field)
    guards = [each for each in declared.directives if isinstance(each, Requires | Public)] if declared else []
    return guards[0] if len(guards) == 1 else UNDECLARED


def definition_of(field: GraphQLField) -> StrawberryField | None:
    """Return the Strawberry field of a GraphQL field."""
    definition = (field.extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return definition if isinstance(definition, StrawberryField) else None


def undeclared_fields(schema: strawberry.Schema) -> list[str]:
    """List every `Type.field` with neither `@requires` nor `@public`, or with both."""
    return [where for where, field in _fields(schema) if guard_of(field) is UNDECLARED]


def guarded_non_null_fields(schema: strawberry.Schema) -> list[str]:
    """List guarded non-null `Type.field`s. A refusal there would null the whole object."""
    return [
        where
        for where, field in _fields(schema)
        if isinstance(guard_of(field), Requires) and str(field.type).endswith("!")
    ]


def undescribed_members(schema: strawberry.Schema) -> list[str]:
    """List every type, field, argument and enum value without a description."""
    missing: list[str] = []
    for name, kind in schema._schema.type_map.items():
        if name.startswith("__") or name in {"String", "Int", "Float", "Boolean", "ID"}:
            continue
        missing += [] if kind.description else [name]
        members: Mapping[str, Any] = getattr(kind, "fields", None) or getattr(kind, "values", None) or {}
        for member, part in members.items():
            missing += [] if part.description else [f"{name}.{member}"]
            missing += [f"{name}.{member}({each})" for each, arg in _arguments(part) if not arg.description]
    return missing


def _arguments(part: Any) -> Iterable[tuple[str, Any]]:
    return (getattr(part, "args", None) or {}).items()


def _fields(schema: strawberry.Schema) -> Sequence[tuple[str, GraphQLField]]:
    return [
        (f"{name}.{field_name}", field)
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
        for field_name, field in kind.fields.items()
    ]


__all__ = [
    "PUBLIC",
    "SIGNED_IN",
    "UNDECLARED",
    "FieldForbidden",
    "Guard",
    "Public",
    "Requires",
    "SignInRequired",
    "definition_of",
    "guard_of",
    "guarded_non_null_fields",
    "live_subscription",
    "public",
    "requires",
    "undeclared_fields",
    "undescribed_members",
]
