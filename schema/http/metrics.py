"""The API's numbers for Prometheus: operations, streams, and the jobs that wait."""

from collections.abc import Awaitable, Callable

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from core.errors import Forbidden
from models.accounts.roles import Operation, Permission, Resource, Scope
from models.services.accounts import denials
from resolvers.app_state import House
from resolvers.guards import known
from schema.execution.metrics import metrics
from schema.http.authentication import Credentials
from schema.http.job_metrics import numbers_of_jobs

NEEDED = Permission(Resource.HISTORY, Operation.VIEW)
REASON = "Only operators read the metrics; send an operator's token."


def numbers_of(house: House, credentials: Credentials) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint; unless the operator opened it, it answers only who may read the whole history."""

    async def numbers(request: Request) -> Response:
        if not house.settings.metrics_public:
            principal = known(await credentials.principal_of(request))
            if not principal.reaches(*NEEDED, Scope.GLOBAL):
                await denials.record_fields(principal, None, {request.url.path: (NEEDED, REASON)})
                raise Forbidden(REASON)
        text = generate_latest(metrics.registry) + generate_latest(await numbers_of_jobs(house.redis))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return numbers
