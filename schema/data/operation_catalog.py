"""GraphQL types and root fields of the catalog of data operations."""

import math
from typing import Any

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import PermissionVerb, Resource
from operations.framework.inputs import Input
from operations.framework.operation import BaseDataOperation
from resolvers.data import dataoperations as resolve
from schema.execution.query_cost import Cost
from schema.graphql.permissions import public, requires


@strawberry.type(description="A parameter of an operation.")
class OperationParameter:
    """The GraphQL type of an input."""

    key: str = public(description="The key in `inputs`.")
    name: str = public(description="The label.")
    description: str = public(description="The purpose.")
    type: str = public(description="fits, source, target_positions, float, int, select or string.")
    is_required: bool = public(description="Whether a value is required.")
    is_advanced: bool = public(description="Whether a simple form should hide it.")
    default: JSON | None = public(description="The default value.")
    minimum: float | None = public(description="The minimum value, or the minimum number of files or positions.")
    maximum: float | None = public(description="The maximum value, or the maximum number of files or positions.")
    unit: str | None = public(description="The unit of the value.")
    options: list[str] | None = public(description="The allowed values.")
    only_when: JSON = public(description="The values of other parameters under which this one applies.")
    wizard: JSON = public(description="The complete description in the wizard format of the prior system.")


@strawberry.type(description="An operation that can be run.")
class AvailableOperation:
    """The GraphQL type of an operation."""

    name: str = public(description="The name, used to run the operation.")
    description: str = public(description="The summary of the operation.")
    category: str = public(description="The kind of data that it applies to.")
    version: str = public(description="The version of the code. Each version has its own results.")
    inputs: list[OperationParameter] = public(description="The parameters.", directives=[Cost(weight=0)])


def _as_json(value: Any) -> JSON:
    # Only for the type checker: the value is JSON already.
    return value


def _parameter(key: str, parameter: Input) -> OperationParameter:
    def number(name: str) -> float | None:
        value: Any = getattr(parameter, name, None)
        return float(value) if value is not None and math.isfinite(value) else None

    options = getattr(parameter, "options", None)
    return OperationParameter(
        key=key,
        name=parameter.name,
        description=parameter.description,
        type=parameter.kind,
        is_required=parameter.required,
        is_advanced=parameter.advanced,
        default=parameter.default_value(),
        minimum=number("minimum"),
        maximum=number("maximum"),
        unit=getattr(parameter, "unit", None) or None,
        options=None if options is None else list(options),
        only_when=_as_json({other: list(words) for other, words in parameter.only_when.items()}),
        wizard=_as_json(parameter.wizard_field()),
    )


def _operation(operation: type[BaseDataOperation]) -> AvailableOperation:
    return AvailableOperation(
        name=operation.name,
        description=operation.description,
        category=operation.category,
        version=str(operation.version),
        inputs=[_parameter(key, parameter) for key, parameter in operation.inputs.items()],
    )


@strawberry.type(description="Queries for available operations.")
class OperationCatalogQueries:
    """Root fields."""

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="The operations that can be run, by name.",
        directives=[Cost(weight=5)],
    )
    async def available_operations(self) -> list[AvailableOperation] | None:
        """Return all operations."""
        return [_operation(kind) for kind in (await resolve.list_operations()).values()]

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="The available operations by name, in the wizard format of the prior system.",
    )
    async def wizard_descriptions(self) -> JSON | None:
        """Return one description for each operation."""
        return _as_json({name: kind.wizard_description() for name, kind in (await resolve.list_operations()).items()})
