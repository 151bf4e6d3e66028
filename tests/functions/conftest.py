"""The fixtures of functions."""

from tests.functions.fixtures import aws, built, changes, house, keys, network_redis, postgres_url, runtime, unpacked

__all__ = ["aws", "built", "changes", "house", "keys", "network_redis", "postgres_url", "runtime", "unpacked"]
