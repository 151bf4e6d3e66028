"""The operations that there are, as clients see them."""

import math
from typing import Any

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import Operation, Resource
from operations.framework.inputs import Input
from operations.framework.operation import BaseDataOperation
from resolvers.data import dataoperations as resolve
from schema.execution.query_cost import Cost
from schema.graphql.permissions import public, requires


@strawberry.type(description="One input of an operation.")
class OperationInput:
    """Shows an input."""

    key: str = public(description="Its key in `inputs`.")
    name: str = public(description="Its label.")
    description: str = public(description="What it is for.")
    type: str = public(description="fits, source, target_positions, float, int, select or string.")
    is_required: bool = public(description="Whether it must be given.")
    is_advanced: bool = public(description="Whether it is beyond what a simple wizard asks for.")
    default: JSON | None = public(description="What stands for it when it is left out.")
    minimum: float | None = public(description="The smallest number, or how many files or positions at least.")
    maximum: float | None = public(description="The largest number, or how many files or positions at most.")
    unit: str | None = public(description="The unit of the number.")
    options: list[str] | None = public(description="The words of which it is one.")
    only_when: JSON = public(description="It applies only while these other inputs have one of these values.")
    wizard: JSON = public(description="All of it, as a wizard takes it.")


@strawberry.type(description="An operation that can be run.")
class AvailableOperation:
    """Shows an operation."""

    name: str = public(description="Its name, by which it is asked for.")
    description: str = public(description="What it does.")
    category: str = public(description="The sort of data that it is for.")
    version: str = public(description="The version of its code; results of another one are other results.")
    inputs: list[OperationInput] = public(description="What it takes.", directives=[Cost(weight=0)])


def _plain(value: Any) -> JSON:
    """Return what is JSON already as the scalar's type."""
    return value


def _input(key: str, given: Input) -> OperationInput:
    def number(name: str) -> float | None:
        value: Any = getattr(given, name, None)
        return float(value) if value is not None and math.isfinite(value) else None

    options = getattr(given, "options", None)
    return OperationInput(
        key=key,
        name=given.name,
        description=given.description,
        type=given.kind,
        is_required=given.required,
        is_advanced=given.advanced,
        default=given.default_value(),
        minimum=number("minimum"),
        maximum=number("maximum"),
        unit=getattr(given, "unit", None) or None,
        options=None if options is None else list(options),
        only_when=_plain({other: list(words) for other, words in given.only_when.items()}),
        wizard=_plain(given.wizard_field()),
    )


def _operation(kind: type[BaseDataOperation]) -> AvailableOperation:
    return AvailableOperation(
        name=kind.name,
        description=kind.description,
        category=kind.category,
        version=str(kind.version),
        inputs=[_input(key, given) for key, given in kind.inputs.items()],
    )


@strawberry.type(description="Reads of what can be computed.")
class AvailableQueries:
    """Root fields."""

    @requires(
        Resource.DATA_OPERATION,
        Operation.VIEW,
        description="The operations that can be run, by name.",
        directives=[Cost(weight=5)],
    )
    async def available_operations(self) -> list[AvailableOperation] | None:
        """Return them all."""
        return [_operation(kind) for kind in (await resolve.known()).values()]

    @requires(
        Resource.DATA_OPERATION,
        Operation.VIEW,
        description="The same by name, as wizards of the prior system take them.",
    )
    async def wizard_descriptions(self) -> JSON | None:
        """Return one object for each."""
        return _plain({name: kind.wizard_description() for name, kind in (await resolve.known()).items()})
