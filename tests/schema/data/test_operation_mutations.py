"""Tests of the health endpoint and the metrics."""

from datetime import timedelta

import httpx2
import pytest

from core.clock import now
from core.database import connection
from core.engine import heartbeat
from core.engine.fake.engine import FakeEngine
from core.queue import Job, JobSpec, Queue, drain, region_queue
from jobs.sessions.heartbeat import engine_state
from models.tables import TABLES
from tests.schema.served import Served


async def _get(served: Served, path: str, name: str | None = None) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.get(f"{served.origin}{path}", headers=served.headers(name))


async def test_health_reports_database_redis_and_engines(served: Served) -> None:
    before = await _get(served, "/health")
    await heartbeat.publish(served.services.redis, "local", "down: EngineUnavailable")
    after = await _get(served, "/health")

    assert (before.status_code, after.status_code) == (200, 200)
    assert before.json() == {"database": "up", "redis": "up", "engines": {"local": "unknown: no worker reports"}}
    assert after.json()["engines"] == {"local": "down: EngineUnavailable"}


async def test_health_is_503_if_database_is_down(sqlite_api: Served) -> None:
    await connection.disconnect()

    answer = await _get(sqlite_api, "/health")

    assert answer.status_code == 503
    assert answer.json()["database"].startswith("down: ")
    assert answer.json()["redis"] == "up"
    await connection.connect(sqlite_api.services.settings, TABLES)


async def test_worker_reports_its_engine_state() -> None:
    engine = FakeEngine()
    assert await engine_state(engine) == "up"
    await engine.close()


@pytest.mark.parametrize(("name", "status"), [(None, 401), ("ada", 403), ("olive", 200)])
async def test_only_operator_reads_metrics(sqlite_api: Served, name: str | None, status: int) -> None:
    assert (await _get(sqlite_api, "/metrics", name)).status_code == status


async def test_operations_are_counted_by_kind_and_outcome(sqlite_api: Served) -> None:
    await sqlite_api.ask("ada", "{ viewer { kind } }")
    await sqlite_api.ask("ada", "{ nothing }")
    await sqlite_api.ask(None, "{ users { totalCount } }")

    lines = (await _get(sqlite_api, "/metrics", "olive")).text.splitlines()

    counts = dict(line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
    assert float(counts['carrel_graphql_operations_total{outcome="done",type="query"}']) >= 1
    assert float(counts['carrel_graphql_operations_total{outcome="refused",type="unknown"}']) >= 1
    assert float(counts['carrel_graphql_operations_total{outcome="partial",type="query"}']) >= 1
    assert float(counts['carrel_graphql_operation_seconds_count{type="query"}']) >= 2
    assert counts["carrel_graphql_subscriptions"] == "0.0"
    assert float(counts["carrel_graphql_rate_limited_total"]) >= 0
    assert counts['carrel_jobs_oldest_seconds{queue="local"}'] == "0.0"
    assert counts['carrel_jobs_deferred{queue="local:imports"}'] == "0.0"


async def test_jobs_are_counted_by_name_and_outcome(sqlite_api: Served) -> None:
    redis, queue = sqlite_api.services.redis, region_queue("local")
    await Queue(redis).enqueue(Job.SESSION_STOP, 1, queue=queue)
    await drain(redis, queue, {Job.SESSION_STOP: JobSpec(_nothing, 1)}, {}, budget=5)
    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=queue, due_at=now() - timedelta(seconds=20))
    await Queue(redis).enqueue(Job.SESSION_CHECK, 1, queue=queue, due_at=now() + timedelta(hours=1))
    await Queue(redis).enqueue(Job.SESSION_STOP, 1, queue=queue, key="stop:1")
    await redis.set("arq:in-progress:stop:1", b"1")

    lines = (await _get(sqlite_api, "/metrics", "olive")).text.splitlines()

    counts = dict(line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
    assert counts['carrel_jobs_waiting{job="session_launch",queue="local"}'] == "1.0"
    assert counts['carrel_jobs_running{job="session_stop",queue="local"}'] == "1.0"
    assert counts['carrel_jobs_deferred{queue="local"}'] == "1.0"
    assert 19 < float(counts['carrel_jobs_oldest_seconds{queue="local"}']) < 60
    assert counts['carrel_job_runs_total{job="session_stop",outcome="done"}'] == "1.0"
    assert counts['carrel_job_seconds_bucket{job="session_stop",le="+Inf"}'] == "1.0"
    assert float(counts['carrel_job_seconds_sum{job="session_stop"}']) < 1


async def _nothing(_context: object, _key: int) -> None:
    """Do nothing."""


class TestPublicMetrics:
    """The settings make the metrics public."""

    @pytest.fixture
    def changes(self) -> dict[str, object]:
        return {"metrics_public": True}

    async def test_public_metrics_need_no_token(self, sqlite_api: Served) -> None:
        assert (await _get(sqlite_api, "/metrics")).status_code == 200
