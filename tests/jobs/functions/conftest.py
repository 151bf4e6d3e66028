"""The fixtures of functions."""

from tests.functions.fixtures import aws, changes, house, keys, network_redis, postgres_url

__all__ = ["aws", "changes", "house", "keys", "network_redis", "postgres_url"]
