"""Spans of operations, recorded by a fake tracer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, TraceFlags, Tracer

from schema.context import GraphQLContext
from tests.schema.sample_library import READER, build

TRACE_ID = 0x1234567890ABCDEF1234567890ABCDEF


class RecordedSpan(Span):
    """A span that records its attributes."""

    def __init__(self, name: str, parent: Span, number: int) -> None:
        self.name, self.parent, self.number = name, parent, number
        self.attributes: dict[str, Any] = {}
        self.is_ended = False

    def get_span_context(self) -> SpanContext:
        return SpanContext(TRACE_ID, self.number, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    def set_attributes(self, attributes: Any) -> None:
        self.attributes |= attributes

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def add_event(self, *_: Any, **__: Any) -> None:
        pass

    def update_name(self, name: str) -> None:
        self.name = name

    def is_recording(self) -> bool:
        return not self.is_ended

    def set_status(self, *_: Any, **__: Any) -> None:
        pass

    def record_exception(self, *_: Any, **__: Any) -> None:
        pass

    def end(self, end_time: int | None = None) -> None:
        self.is_ended = True


class RecordingTracer(Tracer):
    """A tracer that keeps every span."""

    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []

    def start_span(self, name: str, context: Any = None, *_: Any, **__: Any) -> Span:
        span = RecordedSpan(name, trace.get_current_span(context), len(self.spans) + 1)
        self.spans.append(span)
        return span

    @contextmanager
    def start_as_current_span(self, name: str, context: Any = None, *_: Any, **__: Any) -> Iterator[Span]:  # type: ignore[override]
        span = self.start_span(name, context)
        with trace.use_span(span, end_on_exit=True):
            yield span


@pytest.fixture
def tracer() -> RecordingTracer:
    return RecordingTracer()


async def test_operation_span_has_step_spans(tracer: RecordingTracer) -> None:
    await build(tracer=tracer).execute("query Greet { hello }", context_value=GraphQLContext(principal=READER))

    whole, *steps = tracer.spans
    assert (whole.name, [step.name for step in steps]) == ("query", ["parse", "validate", "execute"])
    assert whole.attributes == {"graphql.operation.type": "query", "graphql.operation.name": "Greet"}
    assert all(step.parent is whole for step in steps)
    assert all(span.is_ended for span in tracer.spans)


async def test_error_has_trace_id_of_span(tracer: RecordingTracer) -> None:
    result = await build(tracer=tracer).execute("{ boom }", context_value=GraphQLContext(principal=READER))

    assert result.errors
    assert (result.errors[0].extensions or {})["traceId"] == f"{TRACE_ID:032x}"


async def test_spans_never_contain_argument_values(tracer: RecordingTracer) -> None:
    query = 'query($text: String) { a: echo(text: $text) b: echo(text: "swordfish") }'

    await build(tracer=tracer).execute(query, {"text": "swordfish"}, GraphQLContext(principal=READER))

    assert "swordfish" not in str([(span.name, span.attributes) for span in tracer.spans])


async def test_subscription_span_ends_with_subscription(tracer: RecordingTracer) -> None:
    stream = await build(tracer=tracer).stream(
        "subscription { count(to: 2) }", context_value=GraphQLContext(principal=READER)
    )
    await anext(stream)
    assert not tracer.spans[0].is_ended
    assert [each async for each in stream]

    assert tracer.spans[0].name == "subscription"
    assert all(span.is_ended for span in tracer.spans)


async def test_error_has_trace_id_without_recording_span() -> None:
    result = await build().execute("{ boom }", context_value=GraphQLContext(principal=READER))

    assert result.errors
    assert len((result.errors[0].extensions or {})["traceId"]) == 32
