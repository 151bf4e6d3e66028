"""Events of subscriptions: those who may read the same of the same thing share one execution and one text of it.

Each subscriber's rights are read for each event, before this is asked. What is shared is the work that follows: the
answer to one operation with the same variables about the very same value, for callers with the same clearance. When
all that is selected are plain attributes of the value, who asks makes no other difference; else it is shared among
streams of one caller.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import ExecutionResult as Executed
from strawberry.types.execution import ExecutionResult

from models.permissions.principal import Principal
from schema.execution.context import Context
from schema.execution.executor import GuardedExecutor
from schema.execution.query_plan import Plan
from schema.graphql.errors import treated
from schema.transport.http_response import body, encoded

KEPT = 256


@dataclass
class Answer(ExecutionResult):
    """The answer to one event, for all to whom it is the same."""

    _text: bytes | None = field(default=None, init=False)

    @property
    def fragment(self) -> orjson.Fragment:
        """The answer as JSON, written once."""
        if self._text is None:
            self._text = encoded(body(self.data, self.errors, self.extensions))
        return orjson.Fragment(self._text)


class Answers:
    """The answers to the latest events of one schema; `made` and `shared` count how often one was needed and known."""

    def __init__(self, *, kept: int = KEPT) -> None:
        """Keep the `kept` latest answers."""
        self.made = self.shared = 0
        self._kept = kept
        self._known: OrderedDict[Hashable, tuple[Any, Answer | asyncio.Task[Answer]]] = OrderedDict()

    async def of(self, executor: GuardedExecutor, variables: Hashable, value: Any) -> Answer:
        """Return the answer of the executor's operation to an event that brings `value`."""
        context = executor.context_value
        if not isinstance(context, Context) or context.plan is None or variables is None:
            return await _answered(executor, value)
        # The value is kept beside its answer, so that no other one can have its place in memory meanwhile.
        key = (context.plan, variables, context.clearance, _person(context.plan, context.principal), id(value))
        if key in self._known:
            self.shared += 1
            _, answer = self._known[key]
        else:
            self.made += 1
            answer = self._begun(key, executor, value)
        return answer if isinstance(answer, Answer) else await asyncio.shield(answer)

    def _begun(self, key: Hashable, executor: GuardedExecutor, value: Any) -> Answer | asyncio.Task[Answer]:
        event = executor.build_per_event_executor(value)
        done: Any = event.execute_operation(serially=False)
        answer = _shown(event, done) if isinstance(done, Executed) else asyncio.create_task(_shown_later(event, done))
        self._known[key] = (value, answer)
        if isinstance(answer, asyncio.Task):
            answer.add_done_callback(lambda task: self._keep(key, value, task))
        if len(self._known) > self._kept:
            self._known.popitem(last=False)
        return answer

    def _keep(self, key: Hashable, value: Any, task: asyncio.Task[Answer]) -> None:
        if task.cancelled() or task.exception():
            self._known.pop(key, None)
        elif key in self._known:
            self._known[key] = (value, task.result())


def payload(result: Any) -> Any:
    """Return what a transport sends for a result: its body, already written where it is an event's."""
    return result.fragment if isinstance(result, Answer) else body(result.data, result.errors, result.extensions)


def variables_key(variables: Mapping[str, Any]) -> str | None:
    """Return what tells the variables of one operation from those of another; None when they cannot be written."""
    try:
        # A text, since the bytes that orjson gives have four kilobytes of room.
        return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return None


def _person(plan: Plan, principal: Principal | None) -> Principal | None:
    """Return for whom an answer is made: nobody in particular, when it holds plain attributes only."""
    return None if plan.is_plain else principal


async def _answered(executor: GuardedExecutor, value: Any) -> Answer:
    event = executor.build_per_event_executor(value)
    done: Any = event.execute_operation(serially=False)
    return _shown(event, done) if isinstance(done, Executed) else await _shown_later(event, done)


async def _shown_later(event: GuardedExecutor, done: Any) -> Answer:
    return _shown(event, await done)


def _shown(event: GuardedExecutor, done: Executed) -> Answer:
    """Return a result whose errors are fit for the client, under the trace of whoever asked first."""
    context = event.context_value
    trace_id = context.trace_id if isinstance(context, Context) else ""
    return Answer(done.data, treated(done.errors, trace_id) if done.errors else None)
