"""Fixtures of function tests."""

from tests.functions.fixtures import (
    aws,
    built,
    changes,
    function_env,
    keys,
    network_redis,
    postgres_url,
    runtime,
    unpacked,
)

__all__ = ["aws", "built", "changes", "function_env", "keys", "network_redis", "postgres_url", "runtime", "unpacked"]
