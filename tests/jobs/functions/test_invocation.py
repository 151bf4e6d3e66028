"""Events are parsed, or refused with a sentence that lists the valid values."""

import pytest

from core.errors import BadInput, NotFound
from core.queue import QueueClass, import_queue, region_queue
from core.settings import Settings
from jobs.functions.invocation import parse_event, parse_json
from jobs.periodic import PERIODIC_TASKS
from jobs.queues import IMPORT_QUEUE, SESSION_QUEUE

EU = Settings(region="eu")


def test_event_names_a_served_queue() -> None:
    assert parse_event({"queue": region_queue("eu")}, EU).queue is SESSION_QUEUE
    assert parse_event({"queue": import_queue("eu")}, EU).queue is IMPORT_QUEUE


def test_event_names_tasks() -> None:
    invocation = parse_event({"tasks": ["tokens", "relay"]}, EU)

    assert [task.name for task in invocation.tasks] == ["tokens", "relay"]
    assert invocation.needs_files


@pytest.mark.parametrize("event", [{}, None, {"source": "a schedule"}, []])
def test_empty_event_means_default_queue(event: object) -> None:
    assert parse_event(event, EU, default=QueueClass.SESSIONS).queue is SESSION_QUEUE
    with pytest.raises(BadInput, match="names no work"):
        parse_event(event, EU)


@pytest.mark.parametrize("queue", ["carrel:us", "carrel:us:imports", "", "carrel:eu:videos"])
def test_queue_of_other_region_is_not_found(queue: str) -> None:
    with pytest.raises(NotFound, match="it serves carrel:eu, carrel:eu:imports"):
        parse_event({"queue": queue}, EU)


def test_function_serves_only_its_own_queue() -> None:
    with pytest.raises(NotFound):
        parse_event({"queue": import_queue("eu")}, EU, default=QueueClass.SESSIONS)


@pytest.mark.parametrize("tasks", [[], "relay", ["relay", "dishes"], None, {"relay": 1}])
def test_unknown_tasks_are_refused_with_known_ones(tasks: object) -> None:
    with pytest.raises(BadInput, match=", ".join(task.name for task in PERIODIC_TASKS)):
        parse_event({"tasks": tasks}, EU)


def test_invalid_json_is_refused() -> None:
    with pytest.raises(BadInput, match="not JSON"):
        parse_json(b"wake!")
