"""The executor of graphql-core as the reference for results, and a comparison of errors."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, execute, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.context import GraphQLContext
from schema.execution.schema import Schema
from schema.graphql.errors import error_code

Path = tuple[str | int, ...]
Run = Callable[..., Awaitable[Any]]


async def reference_result(
    schema: Schema, query: str, variables: Mapping[str, Any], context: GraphQLContext
) -> ExecutionResult:
    """Execute a query with Strawberry's own executor."""
    execution: Any = execute(
        schema._schema,
        parse(query),
        context_value=context,
        variable_values=dict(variables),
        executor_class=StrawberryGraphQLCoreExecutionContext,
    )
    result: ExecutionResult = await execution if isawaitable(execution) else execution
    return result


def comparable_errors(data: Any, errors: Sequence[GraphQLError] | None) -> set[tuple[Path, str, str]]:
    """Return the comparable part of errors: the path of the null that each caused, and its message if it is there.

    If several errors cause the same null, the specification allows an executor to report any of them.
    """
    return {_comparable_error(data, error) for error in errors or ()}


def _comparable_error(data: Any, error: GraphQLError) -> tuple[Path, str, str]:
    path = tuple(error.path or ())
    null = next((path[:length] for length in range(len(path) + 1) if _value(data, path[:length]) is None), None)
    assert null is not None, f"There is an error at {path}, and nothing is null."
    return (null, error.message, error_code(error)) if null == path else (null, "", "")


def _value(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def keys(data: Any) -> Iterator[str]:
    """Yield the names of all fields in order."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from keys(value)
    elif isinstance(data, list):
        for each in data:
            yield from keys(each)
