"""Numbers about operations, for Prometheus; no label comes from what a client sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from schema.execution.context import Context
from schema.graphql.errors import Code, code_of

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Outcome(StrEnum):
    """How an operation ended."""

    DONE = "done"
    PARTIAL = "partial"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass
class Operation:
    """One operation that is being counted."""

    outcome: Outcome = Outcome.DONE
    is_limited: bool = False

    def saw(self, result: object) -> None:
        """Take note of one of its results."""
        errors = result.errors if isinstance(result, ExecutionResult | PreExecutionError) else None
        if not errors:
            return
        codes = {code_of(error) for error in errors}
        self.is_limited = self.is_limited or Code.RATE_LIMITED in codes
        if Code.INTERNAL in codes:
            self.outcome = Outcome.FAILED
        elif self.outcome is not Outcome.FAILED:
            self.outcome = Outcome.REFUSED if isinstance(result, PreExecutionError) else Outcome.PARTIAL


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        """Begin at nothing, in a registry of their own."""
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
    def counting(self, context: object) -> Iterator[Operation]:
        """Count and time what runs inside as one operation of the context."""
        operation, began = Operation(), perf_counter()
        try:
            yield operation
        except Exception:
            operation.outcome = Outcome.FAILED if operation.outcome is Outcome.DONE else operation.outcome
            raise
        finally:
            kind = _type(context)
            self._operations.labels(kind, operation.outcome.value).inc()
            if operation.is_limited:
                self.limited()
            if kind != "subscription":
                self._seconds.labels(kind).observe(perf_counter() - began)

    def limited(self) -> None:
        """Count one operation that a rate limit refused."""
        self._limited.inc()

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Count one open subscription."""
        with self._streams.track_inprogress():
            yield


metrics = Metrics()
"""The numbers of this process."""


def _type(context: object) -> str:
    if isinstance(context, Context) and context.plan is not None:
        return context.plan.operation.operation.value
    return "unknown"
