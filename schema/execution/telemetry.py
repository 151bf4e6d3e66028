"""Telemetry of GraphQL operations: Prometheus metrics, and OpenTelemetry spans of each operation and its steps.

Without an OpenTelemetry SDK no span is recorded. Neither a label nor a span has a document or the value of an argument.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

from graphql import OperationDefinitionNode
from opentelemetry import propagate, trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from schema.context import GraphQLContext
from schema.graphql.errors import ErrorCode, error_code

TRACER_NAME = "carrel.graphql"
MAX_NAME_LENGTH = 100
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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


class RequestOutcome(StrEnum):
    """How an operation ended."""

    DONE = "done"
    PARTIAL = "partial"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass
class OperationMetric:
    """The outcome of one operation while it runs."""

    outcome: RequestOutcome = RequestOutcome.DONE
    is_rate_limited: bool = False

    def record(self, result: object) -> None:
        """Update the outcome from one of the operation's results."""
        errors = result.errors if isinstance(result, ExecutionResult | PreExecutionError) else None
        if not errors:
            return
        codes = {error_code(error) for error in errors}
        self.is_rate_limited = self.is_rate_limited or ErrorCode.RATE_LIMITED in codes
        if ErrorCode.INTERNAL in codes:
            self.outcome = RequestOutcome.FAILED
        elif self.outcome is not RequestOutcome.FAILED:
            self.outcome = RequestOutcome.REFUSED if isinstance(result, PreExecutionError) else RequestOutcome.PARTIAL


class OperationMetrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        """Create the metrics in a registry of their own."""
        self.registry = CollectorRegistry()
        self._operations = Counter(
            "carrel_graphql_operations", "Operations that ended.", ["type", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "carrel_graphql_operation_seconds",
            "How long queries and mutations took.",
            ["type"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._streams = Gauge("carrel_graphql_subscriptions", "Subscriptions that are open.", registry=self.registry)
        self._limited = Counter(
            "carrel_graphql_rate_limited", "Operations refused by a rate limit.", registry=self.registry
        )

    @contextmanager
    def track_operation(self, context: object) -> Iterator[OperationMetric]:
        """Count and time one operation of the context."""
        operation, started = OperationMetric(), perf_counter()
        try:
            yield operation
        except Exception:
            operation.outcome = RequestOutcome.FAILED if operation.outcome is RequestOutcome.DONE else operation.outcome
            raise
        finally:
            kind = _operation_type(context)
            self._operations.labels(kind, operation.outcome.value).inc()
            if operation.is_rate_limited:
                self.count_rate_limited()
            if kind != "subscription":  # How long a stream stays open says nothing about latency.
                self._seconds.labels(kind).observe(perf_counter() - started)

    def count_rate_limited(self) -> None:
        """Count one operation that a rate limit refused."""
        self._limited.inc()

    @contextmanager
    def track_stream(self) -> Iterator[None]:
        """Count one open subscription."""
        with self._streams.track_inprogress():
            yield


metrics = OperationMetrics()
"""The metrics of this process."""


def _operation_type(context: object) -> str:
    if isinstance(context, GraphQLContext) and context.plan is not None:
        return context.plan.operation.operation.value
    return "unknown"
