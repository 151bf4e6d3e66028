"""The Prometheus endpoint: metrics of GraphQL operations, subscriptions and jobs."""

from collections.abc import Awaitable, Callable

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from core.errors import Forbidden
from models.accounts.roles import Permission, PermissionVerb, Resource, Scope
from models.services.accounts import denials
from resolvers.app_state import AppState
from resolvers.guards import require_principal
from schema.execution.telemetry import metrics
from schema.http.authentication import RequestAuthenticator
from schema.http.job_metrics import job_metrics

REQUIRED_PERMISSION = Permission(Resource.HISTORY, PermissionVerb.VIEW)
REFUSAL = f"Metrics require the permission {REQUIRED_PERMISSION} for all objects; send the token of an operator."


def metrics_endpoint(
    app_state: AppState, authenticator: RequestAuthenticator
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint. Unless the settings make it public, it requires the permission to read all history."""

    async def endpoint(request: Request) -> Response:
        if not app_state.settings.metrics_public:
            principal = require_principal(await authenticator.principal_of(request))
            if not principal.has_scope(*REQUIRED_PERMISSION, Scope.GLOBAL):
                await denials.record_fields(principal, None, {request.url.path: (REQUIRED_PERMISSION, REFUSAL)})
                raise Forbidden(REFUSAL)
        text = generate_latest(metrics.registry) + generate_latest(await job_metrics(app_state.redis))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return endpoint
