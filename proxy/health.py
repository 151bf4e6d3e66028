"""Health and numbers, on a port of their own: at a session's host these paths are the container's."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from proxy.state import Plane

COUNTERS = {
    "requests": "Requests that were read.",
    "pages": "Requests that were answered by a page of ours.",
    "refused": "Requests that were refused before a session was asked.",
    "failed": "Requests that a container gave no answer to.",
    "retried": "Requests repeated because a kept connection was dead.",
    "tunnels": "Websockets that were opened.",
}


class PlaneCollector(Collector):
    """Reads the plane's plain numbers when somebody asks; no label comes from request data."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers."""
        for name, meaning in COUNTERS.items():
            yield CounterMetricFamily(f"carrel_proxy_{name}", meaning, value=getattr(self.plane.counts, name))
        yield GaugeMetricFamily("carrel_proxy_connections", "Open client connections.", self.plane.addresses.total())
        yield GaugeMetricFamily("carrel_proxy_open_tunnels", "Open websockets.", len(self.plane.open_tunnels))
        yield GaugeMetricFamily("carrel_proxy_sessions", "Sessions in use.", len(self.plane.admission.lines))


def create_health_app(plane: Plane) -> Starlette:
    """Return the application for the health port."""
    registry = CollectorRegistry()
    registry.register(PlaneCollector(plane))

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])
