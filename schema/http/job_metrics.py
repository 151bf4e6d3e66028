"""Prometheus metrics of jobs: the current queue lengths and the totals of all runs."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from core.queue import QueueClass, queue_of
from core.queue.metrics import BUCKETS, JobTotals, QueueCounts, count_queue, job_totals
from models.sessions.regions import Region


async def job_metrics(redis: Redis) -> CollectorRegistry:
    """Return the metrics of all queues, and of all job runs in workers and functions."""
    registry = CollectorRegistry()
    waiting = Gauge("carrel_jobs_waiting", "Jobs that are due and not running.", ["queue", "job"], registry=registry)
    running = Gauge("carrel_jobs_running", "Jobs that are running.", ["queue", "job"], registry=registry)
    deferred = Gauge("carrel_jobs_deferred", "Jobs scheduled for later.", ["queue"], registry=registry)
    oldest = Gauge(
        "carrel_jobs_oldest_seconds", "The age of the oldest waiting job in seconds.", ["queue"], registry=registry
    )
    for name in await _queue_names():
        label, counts = name.removeprefix("carrel:").removeprefix(":"), await count_queue(redis, name)
        deferred.labels(label).set(counts.deferred)
        oldest.labels(label).set(counts.oldest_seconds)
        _set_gauges(waiting, running, label, counts)
    registry.register(_JobRuns(await job_totals(redis)))
    return registry


async def _queue_names() -> list[str]:
    """Return the queues of all regions without duplicates. Regions share the queue of data operations."""
    regions = await Region.all().order_by("name").values_list("name", flat=True)
    return list(dict.fromkeys(queue_of(kind, str(region)) for region in regions for kind in QueueClass))


def _set_gauges(waiting: Gauge, running: Gauge, label: str, counts: QueueCounts) -> None:
    for job, count in counts.waiting.items():
        waiting.labels(label, job).set(count)
    for job, count in counts.running.items():
        running.labels(label, job).set(count)


class _JobRuns(Collector):
    """Job runs by outcome, and their durations."""

    def __init__(self, totals: dict[str, JobTotals]) -> None:
        self._totals = totals

    def collect(self) -> Iterable[Metric]:
        runs = CounterMetricFamily("carrel_job_runs", "Finished job runs by outcome.", labels=["job", "outcome"])
        seconds = HistogramMetricFamily("carrel_job_seconds", "The duration of job runs in seconds.", labels=["job"])
        for job, runs_of_job in sorted(self._totals.items()):
            for outcome, count in sorted(runs_of_job.outcomes.items()):
                runs.add_metric([job, outcome], count)
            seconds.add_metric([job], buckets=_cumulative_buckets(runs_of_job), sum_value=runs_of_job.seconds)
        return (runs, seconds)


def _cumulative_buckets(totals: JobTotals) -> list[tuple[str, float]]:
    buckets, count = [], 0
    for limit in (*BUCKETS, float("inf")):
        count += totals.buckets.get(limit, 0)
        buckets.append(("+Inf" if limit == float("inf") else str(limit), float(count)))
    return buckets
