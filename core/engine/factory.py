"""From the URL of a region to its engine."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from core.engine.fake.engine import Behaviour, FakeEngine
from core.engine.protocol import Engine
from core.errors import BadInput


def open_engine(url: str, *, address: str = "127.0.0.1") -> Engine:
    """Return the engine at `url`, unconnected.

    `unix:///path/of/socket`, `tcp://host:port`, `tcp://host:port?tls=/folder` (`ca.pem`, `cert.pem`, `key.pem`),
    or `fake:///folder?port=8080`, whose containers are all said to be on that port; `&call_seconds=0.1` makes every
    call of it take so long. Ports are published on
    `address`, which must be the engine's own and reachable from the proxy.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme == "fake":
        where = (address, int(options["port"])) if "port" in options else None
        slow = Behaviour(call_seconds=float(options.get("call_seconds", 0)))
        return FakeEngine(Path(parts.netloc + parts.path), address=where, behaviour=slow)
    if parts.scheme not in {"unix", "tcp", "http", "https"}:
        raise BadInput(
            f"No engine has the URL {url!r}; write unix:///path/of/socket, tcp://host:port or fake:///folder."
        )
    # The SDK is heavy to import; only who talks to a real engine pays for it.
    from core.engine.docker.engine import DockerEngine

    certificates = Path(options["tls"]) if "tls" in options else None
    return DockerEngine(url.partition("?")[0], address=address, certificates=certificates)
