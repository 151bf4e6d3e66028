"""The queues of a region: which jobs each holds, how long they may take, and how a row ends when they cannot be done.

A new queue is one entry here, and one function in `serverless.yml`; or one in jobs/worker_queues.py, for workers alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.queue import Job, JobFunction, QueueClass, Spec, queue_of
from core.settings import Settings
from jobs.sessions.image_import import image_import
from jobs.sessions.launch import session_launch
from jobs.sessions.on_exhausted import image_fails, session_fails
from jobs.sessions.stop import session_check, session_stop


@dataclass(frozen=True)
class JobQueue:
    """One sort of queue: `seconds` is the time limit of all its jobs, `parallel` how many run at once in a process."""

    kind: QueueClass
    jobs: Mapping[Job, JobFunction]
    seconds: Callable[[Settings], float]
    parallel: Callable[[Settings], int] = lambda _: 10
    give_up: Mapping[Job, JobFunction] = field(default_factory=dict)
    needs_files: bool = False

    def name(self, region: str) -> str:
        """Return the queue's name in a region."""
        return queue_of(self.kind, region)

    def specs(self, settings: Settings) -> dict[Job, Spec]:
        """Return how each of its jobs is run."""
        seconds = self.seconds(settings)
        return {job: Spec(function, seconds, self.give_up.get(job)) for job, function in self.jobs.items()}


SESSIONS = JobQueue(
    QueueClass.SESSIONS,
    {Job.SESSION_LAUNCH: session_launch, Job.SESSION_STOP: session_stop, Job.SESSION_CHECK: session_check},
    lambda settings: settings.job_seconds,
    give_up={Job.SESSION_LAUNCH: session_fails, Job.SESSION_STOP: session_fails},
)
IMPORTS = JobQueue(
    QueueClass.IMPORTS,
    {Job.IMAGE_IMPORT: image_import},
    lambda settings: settings.import_seconds,
    parallel=lambda _: 2,
    give_up={Job.IMAGE_IMPORT: image_fails},
    needs_files=True,
)
FUNCTIONS = {queue.kind: queue for queue in (SESSIONS, IMPORTS)}
"""The queues that functions serve as well as workers; jobs/worker_queues.py has those of workers alone."""
