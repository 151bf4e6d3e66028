"""The API's numbers for Prometheus: operations, streams, and the jobs that wait."""

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from core.errors import Forbidden
from core.queue import Queue, data_queue, import_queue, region_queue
from models.access import Operation, Resource, Scope
from models.regions import Region
from resolvers.guards import known
from resolvers.house import House
from schema.core.metrics import metrics
from schema.credentials import Credentials


def numbers_of(house: House, credentials: Credentials) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint; unless the operator opened it, it answers only who may read the whole history."""
    queue = Queue(house.redis)

    async def numbers(request: Request) -> Response:
        if not house.settings.metrics_public:
            principal = known(await credentials.principal_of(request))
            if not principal.reaches(Resource.HISTORY, Operation.VIEW, Scope.GLOBAL):
                raise Forbidden("Only operators read the metrics; send an operator's token.")
        text = generate_latest(metrics.registry) + generate_latest(await _waiting(queue))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return numbers


async def _waiting(queue: Queue) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauge = Gauge("carrel_jobs_waiting", "Jobs that wait or run.", ["queue"], registry=registry)
    for region in await Region.all().order_by("name").values_list("name", flat=True):
        for name in (region_queue(str(region)), import_queue(str(region))):
            gauge.labels(name.removeprefix("carrel:")).set(await queue.depth(name))
    gauge.labels(data_queue().removeprefix("carrel:")).set(await queue.depth(data_queue()))
    return registry
