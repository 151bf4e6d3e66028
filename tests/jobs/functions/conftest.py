"""Fixtures of function tests."""

from tests.functions.fixtures import aws, changes, function_env, keys, network_redis, postgres_url

__all__ = ["aws", "changes", "function_env", "keys", "network_redis", "postgres_url"]
