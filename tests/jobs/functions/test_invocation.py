"""What a call is asked for is understood, or refused with a sentence that lists what there is."""

import pytest

from core.errors import BadInput, NotFound
from core.queue import QueueClass, import_queue, region_queue
from core.settings import Settings
from jobs.functions.invocation import read, understood
from jobs.periodic import CHORES
from jobs.queues import IMPORTS, SESSIONS

EU = Settings(region="eu")


def test_an_event_names_a_queue_of_ours() -> None:
    assert understood({"queue": region_queue("eu")}, EU).queue is SESSIONS
    assert understood({"queue": import_queue("eu")}, EU).queue is IMPORTS


def test_an_event_names_chores() -> None:
    ask = understood({"chores": ["tokens", "relay"]}, EU)

    assert [chore.name for chore in ask.chores] == ["tokens", "relay"]
    assert ask.needs_files


@pytest.mark.parametrize("event", [{}, None, {"source": "a schedule"}, []])
def test_an_event_that_says_nothing_means_the_functions_own_queue(event: object) -> None:
    assert understood(event, EU, otherwise=QueueClass.SESSIONS).queue is SESSIONS
    with pytest.raises(BadInput, match="Say what to do"):
        understood(event, EU)


@pytest.mark.parametrize("queue", ["carrel:us", "carrel:us:imports", "", "carrel:eu:videos"])
def test_a_queue_of_another_region_is_not_ours(queue: str) -> None:
    with pytest.raises(NotFound, match="this is for carrel:eu, carrel:eu:imports"):
        understood({"queue": queue}, EU)


def test_a_function_serves_its_own_queue_alone() -> None:
    with pytest.raises(NotFound):
        understood({"queue": import_queue("eu")}, EU, otherwise=QueueClass.SESSIONS)


@pytest.mark.parametrize("chores", [[], "relay", ["relay", "dishes"], None, {"relay": 1}])
def test_unknown_chores_are_refused_with_the_known_ones(chores: object) -> None:
    with pytest.raises(BadInput, match=", ".join(chore.name for chore in CHORES)):
        understood({"chores": chores}, EU)


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(BadInput, match="no JSON"):
        read(b"ring!")
