"""Spans of operations, by the OpenTelemetry API: the operation, and in it parse, validate and execute.

Without an SDK nothing records and nothing is spent. No span carries a document or the value of an argument.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from graphql import OperationDefinitionNode
from opentelemetry import propagate, trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer

from schema.execution.context import Context

NAME = "carrel.graphql"
LONGEST_NAME = 100


class Traces:
    """Makes the spans of one schema's operations."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Use `tracer`; without one, that of the process's provider."""
        self._tracer = tracer or trace.get_tracer(NAME)

    def begin(self, context: object) -> Span:
        """Start the span of an operation, below the caller's own where its request names one; end it yourself."""
        if not isinstance(context, Context):
            return INVALID_SPAN
        headers = context.connection.headers if context.connection else {}
        parent = propagate.extract(dict(headers)) if "traceparent" in headers else None
        span = self._tracer.start_span("graphql", context=parent, kind=SpanKind.SERVER)
        if span.is_recording():
            context.span = span
            context.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        return span

    @staticmethod
    def name(context: object, operation: OperationDefinitionNode) -> None:
        """Name the operation's span by what is known once the document is valid."""
        if isinstance(context, Context) and context.span.is_recording():
            kind = operation.operation.value
            context.span.update_name(kind)
            context.span.set_attribute("graphql.operation.type", kind)
            if operation.name:
                context.span.set_attribute("graphql.operation.name", operation.name.value[:LONGEST_NAME])

    @contextmanager
    def step(self, context: object, name: str) -> Iterator[None]:
        """Put a span around one step of an operation, if its own span records; it is current meanwhile."""
        if not isinstance(context, Context) or not context.span.is_recording():
            yield
            return
        above = trace.set_span_in_context(context.span)
        with self._tracer.start_as_current_span(name, context=above):
            yield
