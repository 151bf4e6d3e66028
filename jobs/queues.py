"""The queues of a region: the jobs of each, their time limits, and the handlers for jobs that used up their retries.

A new queue is one entry here and one function in `serverless.yml`, or one entry in jobs/worker_queues.py if only
workers serve it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.queue import Job, JobFunction, JobSpec, QueueClass, queue_of
from core.settings import Settings
from jobs.sessions.image_import import image_import
from jobs.sessions.launch import session_launch
from jobs.sessions.on_exhausted import fail_image, fail_session
from jobs.sessions.stop import session_check, session_stop


@dataclass(frozen=True)
class JobQueue:
    """A queue: `seconds` is the time limit of each job, `parallel` the number of concurrent jobs in a process."""

    kind: QueueClass
    jobs: Mapping[Job, JobFunction]
    seconds: Callable[[Settings], float]
    parallel: Callable[[Settings], int] = lambda _: 10
    on_exhausted: Mapping[Job, JobFunction] = field(default_factory=dict)
    needs_files: bool = False

    def name(self, region: str) -> str:
        """Return the queue's name in a region."""
        return queue_of(self.kind, region)

    def specs(self, settings: Settings) -> dict[Job, JobSpec]:
        """Return the specs of its jobs."""
        seconds = self.seconds(settings)
        return {job: JobSpec(function, seconds, self.on_exhausted.get(job)) for job, function in self.jobs.items()}


SESSION_QUEUE = JobQueue(
    QueueClass.SESSIONS,
    {Job.SESSION_LAUNCH: session_launch, Job.SESSION_STOP: session_stop, Job.SESSION_CHECK: session_check},
    lambda settings: settings.job_seconds,
    on_exhausted={Job.SESSION_LAUNCH: fail_session, Job.SESSION_STOP: fail_session},
)
IMPORT_QUEUE = JobQueue(
    QueueClass.IMPORTS,
    {Job.IMAGE_IMPORT: image_import},
    lambda settings: settings.import_seconds,
    parallel=lambda _: 2,
    on_exhausted={Job.IMAGE_IMPORT: fail_image},
    needs_files=True,
)
FUNCTION_QUEUES = {queue.kind: queue for queue in (SESSION_QUEUE, IMPORT_QUEUE)}
"""Queues that functions can serve; workers serve these and jobs/worker_queues.DATA_QUEUE."""
