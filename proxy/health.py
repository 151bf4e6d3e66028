"""Health and metrics on a port of their own, because at a session's host these paths belong to the container."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from proxy.state import ProxyState

COUNTERS = {
    "requests": "Requests received.",
    "pages": "Requests answered with a page of the proxy.",
    "refused": "Requests refused as malformed, cross-origin, too slow or over a limit.",
    "failed": "Requests that a container did not answer.",
    "retried": "Requests repeated because a pooled connection was dead.",
    "tunnels": "Websockets opened.",
}


class ProxyCollector(Collector):
    """Reads the proxy's counters on each scrape."""

    def __init__(self, state: ProxyState) -> None:
        self.state = state

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        # Labels from requests would let clients create time series without end.
        for name, description in COUNTERS.items():
            yield CounterMetricFamily(f"carrel_proxy_{name}", description, value=getattr(self.state.counters, name))
        yield GaugeMetricFamily("carrel_proxy_connections", "Open client connections.", self.state.connections.total())
        yield GaugeMetricFamily("carrel_proxy_open_tunnels", "Open websockets.", len(self.state.open_tunnels))
        yield GaugeMetricFamily("carrel_proxy_sessions", "Sessions in use.", len(self.state.admission.sessions))


def create_health_app(state: ProxyState) -> Starlette:
    """Return the application for the health port."""
    registry = CollectorRegistry()
    registry.register(ProxyCollector(state))

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])
