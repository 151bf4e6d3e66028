"""The executor of graphql-core as the oracle: what a query answers by the book."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, execute, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.execution.context import Context
from schema.execution.schema import Schema
from schema.graphql.errors import code_of

Path = tuple[str | int, ...]
Run = Callable[..., Awaitable[Any]]


async def by_the_book(schema: Schema, query: str, variables: Mapping[str, Any], context: Context) -> ExecutionResult:
    """Execute a query as Strawberry does, without anything of ours."""
    done: Any = execute(
        schema._schema,
        parse(query),
        context_value=context,
        variable_values=dict(variables),
        executor_class=StrawberryGraphQLCoreExecutionContext,
    )
    result: ExecutionResult = await done if isawaitable(done) else done
    return result


def faults(data: Any, errors: Sequence[GraphQLError] | None) -> set[tuple[Path, str, str]]:
    """Return what is told of errors: where the answer is null for each, and the message of those right there.

    Of several errors within what became null for one of them, the specification lets an executor tell any.
    """
    return {_fault(data, error) for error in errors or ()}


def _fault(data: Any, error: GraphQLError) -> tuple[Path, str, str]:
    path = tuple(error.path or ())
    null = next((path[:length] for length in range(len(path) + 1) if _value(data, path[:length]) is None), None)
    assert null is not None, f"There is an error at {path}, and nothing is null."
    return (null, error.message, code_of(error)) if null == path else (null, "", "")


def _value(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def keys(data: Any) -> Iterator[str]:
    """Yield the names of all fields, in their order."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from keys(value)
    elif isinstance(data, list):
        for each in data:
            yield from keys(each)
