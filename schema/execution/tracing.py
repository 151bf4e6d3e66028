"""OpenTelemetry spans for the schema: one of each operation, with parse, validate and execute below it.

Without an SDK nothing is recorded. Spans never carry a document or the value of an argument.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from graphql import OperationDefinitionNode
from opentelemetry import propagate, trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer

from schema.execution.context import GraphQLContext

TRACER_NAME = "carrel.graphql"
MAX_NAME_LENGTH = 100


class OperationTracer:
    """Creates the spans of one schema's operations."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Use `tracer`, or that of the global provider if it is None."""
        self._tracer = tracer or trace.get_tracer(TRACER_NAME)

    def start_span(self, context: object) -> Span:
        """Start the span of an operation, below the span in the request's `traceparent`. The caller must end it."""
        if not isinstance(context, GraphQLContext):
            return INVALID_SPAN
        headers = context.connection.headers if context.connection else {}
        parent = propagate.extract(dict(headers)) if "traceparent" in headers else None
        span = self._tracer.start_span("graphql", context=parent, kind=SpanKind.SERVER)
        if span.is_recording():
            context.span = span
            context.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        return span

    @staticmethod
    def name_span(context: object, operation: OperationDefinitionNode) -> None:
        """Set the name and attributes of the operation's span, once the document is valid."""
        if isinstance(context, GraphQLContext) and context.span.is_recording():
            kind = operation.operation.value
            context.span.update_name(kind)
            context.span.set_attribute("graphql.operation.type", kind)
            if operation.name:
                context.span.set_attribute("graphql.operation.name", operation.name.value[:MAX_NAME_LENGTH])

    @contextmanager
    def step_span(self, context: object, name: str) -> Iterator[None]:
        """Record a span of one step of an operation, and make it the current span inside the context."""
        if not isinstance(context, GraphQLContext) or not context.span.is_recording():
            yield
            return
        parent = trace.set_span_in_context(context.span)
        with self._tracer.start_as_current_span(name, context=parent):
            yield
