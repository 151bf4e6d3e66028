"""Opens the engine at a region's URL."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from core.engine.fake.engine import FakeEngine, FaultProfile
from core.engine.protocol import Engine
from core.errors import BadInput


def open_engine(url: str, *, address: str = "127.0.0.1") -> Engine:
    """Return the engine at `url`, not connected yet.

    `unix:///path/of/socket`, `tcp://host:port`, `tcp://host:port?tls=/folder` (`ca.pem`, `cert.pem`, `key.pem`), or
    `fake:///folder?port=8080`, whose containers all have that port; `&call_seconds=0.1` sets the duration of each call.
    Ports are published on `address`, which must belong to the engine and be reachable from the proxy.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme == "fake":
        fake_address = (address, int(options["port"])) if "port" in options else None
        faults = FaultProfile(call_seconds=float(options.get("call_seconds", 0)))
        return FakeEngine(Path(parts.netloc + parts.path), address=fake_address, faults=faults)
    if parts.scheme not in {"unix", "tcp", "http", "https"}:
        raise BadInput(
            f"No engine has the URL {url!r}; write unix:///path/of/socket, tcp://host:port or fake:///folder."
        )
    # The Docker SDK is slow to import, so only real engines import it.
    from core.engine.docker.engine import DockerEngine

    certificates = Path(options["tls"]) if "tls" in options else None
    return DockerEngine(url.partition("?")[0], address=address, certificates=certificates)
