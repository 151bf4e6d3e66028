"""Prometheus metrics of GraphQL operations. No label value comes from a client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from schema.execution.context import GraphQLContext
from schema.graphql.errors import ErrorCode, error_code

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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
