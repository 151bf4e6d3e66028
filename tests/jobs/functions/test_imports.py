"""Handlers import only what they need, so that a cold start is fast."""

import subprocess
import sys

import pytest

from tests.tree import ROOT

HANDLERS = ("aws_lambda", "functions_framework", "asgi")
FOREIGN = (
    *("strawberry", "graphql", "starlette", "uvicorn", "authlib", "prometheus_client", "opentelemetry", "typer"),
    *("numpy", "scipy", "astropy", "sep", "photutils", "reproject", "astroalign", "ccdproc", "PIL"),
    *("docker", "requests", "urllib3", "obstore", "cryptography", "argon2", "fakeredis", "boto3", "botocore"),
    *("httpx2", "stamina", "itsdangerous", "jinja2"),
    *("schema", "resolvers", "proxy", "carrel", "operations", "node"),
)
BLOCKED = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {FOREIGN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
import jobs.functions.%s
"""


@pytest.mark.parametrize("handler", HANDLERS)
def test_handler_loads_with_everything_else_blocked(handler: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED % handler], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-2000:]


def test_import_blocker_blocks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED % "aws_lambda" + "\nimport docker"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "No module named 'docker'" in done.stderr
