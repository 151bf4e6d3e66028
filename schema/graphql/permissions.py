"""Field permissions: every field says `@requires(...)` or `@public`; what is printed is what is enforced."""

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
from models.accounts.roles import ObjectRole, Operation, Permission, Resource, Scope
from models.permissions.principal import Principal
from models.permissions.tables import NOUNS
from schema.graphql.enums import expose

expose(Resource, "A noun that permissions speak of.", {each: NOUNS[each].description for each in Resource})
expose(
    Operation,
    "What is done to a resource.",
    {
        Operation.VIEW: "Read it.",
        Operation.CREATE: "Make a new one.",
        Operation.EDIT: "Change or stop it.",
        Operation.DELETE: "Remove it.",
        Operation.SEND: "Send it to another party.",
        Operation.RECEIVE: "Receive it from another party.",
    },
)


expose(
    Scope,
    "How far a rule reaches.",
    {
        Scope.OWN: "One's own things, and what is granted.",
        Scope.ORGANIZATION: "What belongs to the organization.",
        Scope.COLLABORATION: "What belongs to the organizations that it collaborates with.",
        Scope.GLOBAL: "Everything.",
    },
)
expose(
    ObjectRole,
    "What a grant makes somebody on one object.",
    {
        ObjectRole.WORKSTATION_EDITOR: "Changes the workstation, brings images, shares it.",
        ObjectRole.WORKSTATION_USER: "Launches sessions of the workstation.",
        ObjectRole.STUDY_PREVIEW: "Sees a study and its previews.",
        ObjectRole.STUDY_DESIGN: "Also changes the study's design.",
        ObjectRole.STUDY_ANALYSIS: "Sees a study and its responses.",
        ObjectRole.STUDY_SUBMISSION_PROCESSOR: "Sees a study, moves it along, rules on consent and writes.",
        ObjectRole.STUDY_RESEARCHER: "Also sees responses.",
        ObjectRole.STUDY_MANAGER: "Changes a study, moves it along, and decides who works on it.",
        ObjectRole.STUDY_ADMIN: "Does everything with a study.",
        ObjectRole.DATASESSION_EDITOR: "Changes the data session, runs operations in it, shares it.",
        ObjectRole.DATASESSION_VIEWER: "Sees the data session, its operations and their results.",
    },
)


class MayNotRead(Forbidden):
    """You may not read that field."""

    def __init__(self, message: str, field: str, permission: Permission | None = None) -> None:
        """Say `message` about `field`, as `Type.field`, which asks for the permission."""
        super().__init__(message)
        self.field, self.permission = field, permission


class NeedsCaller(Unauthenticated):
    """Only a known caller reads that field."""

    def __init__(self, message: str, field: str, permission: Permission | None = None) -> None:
        """Say `message` about `field`, as `Type.field`, which asks for the permission."""
        super().__init__(message)
        self.field, self.permission = field, permission


class Guard(ABC):
    """Decides whether a caller may read a field, by the rules that it holds and nothing else."""

    @abstractmethod
    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Say why `principal` may not read the field `where`; None when it may."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requires",
    description="The field answers only callers who hold a permission for the operation on the resource.",
)
class Requires(Guard):
    """Holds the permission that a field asks for."""

    resource: Resource = strawberry.field(description="The noun that the permission is about.")
    operation: Operation = strawberry.field(description="What the caller must be allowed to do to it.")

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Say why `principal` may not read the field `where`; None when it may."""
        if principal is not None and principal.may(self.resource, self.operation):
            return None
        permission = Permission(self.resource, self.operation)
        needs = f"{where} needs the permission {permission}"
        if principal is None:
            return NeedsCaller(f"{needs}; sign in first, or send a valid token.", where, permission)
        return MayNotRead(f"{needs}, which you do not hold.", where, permission)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="public",
    description="The field answers everybody who can see the object that holds it.",
)
class Public(Guard):
    """Opens a field to everybody."""

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Refuse nobody."""


@dataclass(frozen=True)
class Undeclared(Guard):
    """Stands for a missing directive: the field is refused to everybody."""

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:  # noqa: ARG002
        """Refuse everybody, since nobody said who may read the field."""
        return MayNotRead(f"{where} declares no permission, so nobody may read it.", where)


@dataclass(frozen=True)
class SignedIn(Guard):
    """Stands for introspection, which any known caller may use."""

    def refusal(self, principal: Principal | None, where: str) -> CarrelError | None:
        """Refuse a caller without a name."""
        sentence = "Introspection is for known callers; sign in first, or send a valid token."
        return None if principal else NeedsCaller(sentence, where)


UNDECLARED, SIGNED_IN, PUBLIC = Undeclared(), SignedIn(), Public()


def requires(
    resource: Resource,
    operation: Operation,
    *,
    description: str,
    resolver: Callable[..., Any] | None = None,
    directives: Iterable[object] = (),
    **options: Any,
) -> Any:
    """Declare a field for callers who may do `operation` on `resource`; the rest is as in `strawberry.field`.

    Such a field should be nullable: where the permission is missing it is null, with one error.
    """
    return _field(Requires(resource=resource, operation=operation), description, resolver, directives, options)


def public(
    *,
    description: str,
    resolver: Callable[..., Any] | None = None,
    directives: Iterable[object] = (),
    **options: Any,
) -> Any:
    """Declare a field for everybody who can see its object; the rest is as in `strawberry.field`."""
    return _field(PUBLIC, description, resolver, directives, options)


def streams(resource: Resource, operation: Operation, *, description: str, **options: Any) -> Any:
    """Declare a subscription field for callers who may do `operation` on `resource`."""
    guard = Requires(resource=resource, operation=operation)
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
    """Return what the field's own directive asks for; `UNDECLARED` when it has none."""
    declared = definition_of(field)
    guards = [each for each in declared.directives if isinstance(each, Requires | Public)] if declared else []
    return guards[0] if len(guards) == 1 else UNDECLARED


def definition_of(field: GraphQLField) -> StrawberryField | None:
    """Return the Strawberry field that a GraphQL field was made from."""
    definition = (field.extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return definition if isinstance(definition, StrawberryField) else None


def undeclared_fields(schema: strawberry.Schema) -> list[str]:
    """List every `Type.field` that says neither `@requires` nor `@public`, or says both."""
    return [where for where, field in _fields(schema) if guard_of(field) is UNDECLARED]


def guarded_non_null_fields(schema: strawberry.Schema) -> list[str]:
    """List guarded `Type.field`s that are not nullable: a refusal there takes the whole object away."""
    return [
        where
        for where, field in _fields(schema)
        if isinstance(guard_of(field), Requires) and str(field.type).endswith("!")
    ]


def undescribed(schema: strawberry.Schema) -> list[str]:
    """List every type, field, argument and enum value of ours without a description."""
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
    "Guard",
    "MayNotRead",
    "NeedsCaller",
    "Public",
    "Requires",
    "definition_of",
    "guard_of",
    "guarded_non_null_fields",
    "public",
    "requires",
    "streams",
    "undeclared_fields",
    "undescribed",
]
