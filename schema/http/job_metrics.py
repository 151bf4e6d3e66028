"""Numbers about jobs, for Prometheus: what the queues hold now, and what became of all runs so far."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from core.queue import QueueClass, queue_of
from core.queue.metrics import BUCKETS, Sums, sums
from core.queue.queue_counts import Census, census
from models.sessions.regions import Region


async def numbers_of_jobs(redis: Redis) -> CollectorRegistry:
    """Return the numbers of every region's queues, and of every job wherever it ran, as a function or in a worker."""
    registry = CollectorRegistry()
    waiting = Gauge("carrel_jobs_waiting", "Jobs that are due and run by nobody.", ["queue", "job"], registry=registry)
    running = Gauge("carrel_jobs_running", "Jobs that run.", ["queue", "job"], registry=registry)
    deferred = Gauge("carrel_jobs_deferred", "Jobs for later.", ["queue"], registry=registry)
    oldest = Gauge("carrel_jobs_oldest_seconds", "How long the oldest job has waited.", ["queue"], registry=registry)
    for name in await _queues():
        label, found = name.removeprefix("carrel:").removeprefix(":"), await census(redis, name)
        deferred.labels(label).set(found.deferred)
        oldest.labels(label).set(found.oldest_seconds)
        _set(waiting, running, label, found)
    registry.register(_Ended(await sums(redis)))
    return registry


async def _queues() -> list[str]:
    """Return the queues of all regions, each once: that of data operations is of none."""
    regions = await Region.all().order_by("name").values_list("name", flat=True)
    return list(dict.fromkeys(queue_of(kind, str(region)) for region in regions for kind in QueueClass))


def _set(waiting: Gauge, running: Gauge, label: str, found: Census) -> None:
    for job, count in found.waiting.items():
        waiting.labels(label, job).set(count)
    for job, count in found.running.items():
        running.labels(label, job).set(count)


class _Ended(Collector):
    """Runs by outcome, and how long they took."""

    def __init__(self, told: dict[str, Sums]) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        runs = CounterMetricFamily("carrel_job_runs", "Runs of jobs that ended.", labels=["job", "outcome"])
        seconds = HistogramMetricFamily("carrel_job_seconds", "How long runs of jobs took.", labels=["job"])
        for job, found in sorted(self._told.items()):
            for outcome, count in sorted(found.outcomes.items()):
                runs.add_metric([job, outcome], count)
            seconds.add_metric([job], buckets=_cumulated(found), sum_value=found.seconds)
        return (runs, seconds)


def _cumulated(found: Sums) -> list[tuple[str, float]]:
    buckets, total = [], 0
    for limit in (*BUCKETS, float("inf")):
        total += found.buckets.get(limit, 0)
        buckets.append(("+Inf" if limit == float("inf") else str(limit), float(total)))
    return buckets
